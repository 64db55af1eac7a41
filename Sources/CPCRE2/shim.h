// PCRE2's function names are macros over the code unit width, which Swift cannot import: the 8-bit names are used.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
