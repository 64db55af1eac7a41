#ifndef CPLUGINABI_H
#define CPLUGINABI_H

#include <stdint.h>

/* Raised when a field of ft_plugin changes its meaning; fields are only ever appended. */
#define FT_ABI_MAJOR 1
/* Raised when a field is appended. */
#define FT_ABI_MINOR 0

/*
 * What a plugin file says of itself: the result of its one exported function,
 *
 *     const ft_plugin *ft_plugin_entry_v1(void);
 *
 * No Swift types; every pointer is valid for as long as the process lives.
 */
typedef struct ft_plugin {
    uint32_t struct_size; /* sizeof(ft_plugin) where the plugin was compiled: a newer host reads an older plugin */
    uint32_t abi_major;
    uint32_t abi_minor;
    const char *fingerprint;   /* PluginInterface.fingerprint, 64 hexadecimal digits */
    const char *compiler;      /* ft_compiler() */
    const char *manifest_json; /* plugin.json as it was when the plugin was compiled */
    int32_t (*register_contributions)(void *registrar); /* the Registrar, unretained; 0, or 1 and an error left in it */
} ft_plugin;

/* The compiler that compiles the caller (inline: Swift compiles it into each module that calls it). */
static inline const char *ft_compiler(void) { return __VERSION__; }

#endif
