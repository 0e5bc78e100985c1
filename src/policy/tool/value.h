/* Numbers as people write them. Each returns false and says why in `*why` (static text). */
#ifndef BRATTICE_POLICY_TOOL_VALUE_H
#define BRATTICE_POLICY_TOOL_VALUE_H

#include "base/buf.h"

#define BR_UNLIMITED UINT64_MAX

bool br_value_int(const char *s, uint64_t *out, const char **why);
/* Bytes: "4GiB", "512MiB", "1.5GB", "4096". */
bool br_value_size(const char *s, uint64_t *out, const char **why);
/* Seconds: "30s", "2m", "4h", "1h30m", "2d". A number without a unit is refused: nobody remembers which unit was meant. */
bool br_value_duration(const char *s, uint64_t *out, const char **why);
/* "200%" → 200. */
bool br_value_percent(const char *s, uint64_t *out, const char **why);
/* "600/min" → 600 a minute; also /s and /h. */
bool br_value_rate(const char *s, uint64_t *out, const char **why);

/* The shortest exact form, for messages: 4294967296 → "4GiB", 5400 → "1h30m". */
void br_value_put_size(struct br_buf *out, uint64_t v);
void br_value_put_duration(struct br_buf *out, uint64_t v);

#endif
