#ifndef CPLUGINABI_H
#define CPLUGINABI_H

#include <stdint.h>

#endif
