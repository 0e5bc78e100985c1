#include "policy/tool/profiles.h"

#include "base/buf.h"

const struct br_profile *
br_profile_find(const char *name)
{
	for (size_t i = 0; i < br_profiles_n; i++)
		if (br_streq(br_profiles[i].name, name))
			return &br_profiles[i];
	return NULL;
}

const char *
br_profile_names(struct br_arena *a)
{
	br_auto_buf b = {0};
	for (size_t i = 0; i < br_profiles_n; i++)
		br_buf_printf(&b, "%s%s", i > 0 ? " " : "", br_profiles[i].name);
	return br_arena_strdup(a, b.p != NULL ? b.p : "");
}
