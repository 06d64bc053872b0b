/** Generic code of a livepatch core that nobody runs, with a hook, clearing by a flag, a late path and what stays. */
export const livepatchTree = {
  'kernel/livepatch/core.c': `static int write_relocs(struct toy *t, bool apply)
{
	if (apply) {
		put(t);
		return relocate(t);
	}

	clear_relocate_add(t);
	return 0;
}

void clear_relocate_add(struct toy *t)
{
}

static int apply_object(struct toy *t)
{
	int i;

	for (i = 1; i < t->klp_info->count; i++)
		put(i);
	return write_relocs(t, true);
}

static void clear_object(struct toy *t)
{
	write_relocs(t, false);
}

static void forget(struct toy *t)
{
	clear_object(t);
	exported(t);
	count(t);
}

void exported(struct toy *t)
{
}
EXPORT_SYMBOL_GPL(exported);

void count(struct toy *t)
{
}

int klp_module_coming(struct module *mod)
{
	mod->klp_alive = true;
	return apply_object(mod);
}

void klp_module_going(struct module *mod)
{
	mod->klp_alive = false;
	forget(mod);
}

static int klp_apply_object_relocs(struct toy *t)
{
	return apply_object(t);
}

int klp_enable_patch(struct toy *t)
{
	if (t->mod && t->mod->klp_alive)
		put(t);
	if (!klp_is_object_loaded(obj))
		return 0;
	return klp_apply_object_relocs(t);
}
`,
  'kernel/livepatch/core.h': `static inline bool klp_is_object_loaded(struct klp_object *obj)
{
	return obj->mod;
}
`,
  'kernel/module/main.c': `static int prepare(struct module *mod)
{
	int err;

	err = klp_module_coming(mod);
	if (err)
		return err;

	if (is_livepatch_module(mod)) {
		err = copy_module_elf(mod);
		if (err < 0)
			goto out;
	}
out:
	return err;
}

SYSCALL_DEFINE2(delete_module, const char *, name, int, flags)
{
	klp_module_going(mod);
	relocate(mod);
	return prepare(mod);
}
`,
  'kernel/module/livepatch.c': `int copy_module_elf(struct module *mod)
{
	mod->klp_info = make();
	return 0;
}
`,
  'include/linux/module.h': `#ifdef CONFIG_LIVEPATCH
struct klp_modinfo {
	int count;
};
#endif

struct module {
	int state;
#ifdef CONFIG_LIVEPATCH
	bool klp_alive;
	struct klp_modinfo *klp_info;
#endif
};
`,
  'include/linux/livepatch.h': `int klp_module_coming(struct module *mod);
void klp_module_going(struct module *mod);
void clear_relocate_add(struct toy *t);
`,
  'lib/other.c': `void other(void)
{
	count(0);
}
`,
  'arch/toy/kernel/module.c': `#define STORE(place, mod) do {		\\
	if (mod->state == UNFORMED)	\\
		*(place) = 1;		\\
} while (0)

static int do_write(struct toy *t, void *(*write)(void *dest), int len)
{
	write(t);
	return len;
}

int relocate(struct module *me)
{
	bool early = me->state == UNFORMED;
	void *(*write)(void *) = memcpy;

	if (!early) {
		write = poke;
		lock();
	}

	return do_write(me, write, me->len);
}
`,
};
