# SPDX-License-Identifier: GPL-2.0
"""kernel/livepatch/core.c: when livepatch relocations are resolved, written and cleared.

Of transitions, callbacks and sysfs nothing is here: they write no relocation. A patch is on the list `klp_patches` from
the moment it is enabled until it is disabled.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .elf import SHF_ALLOC, SHF_RELA_LIVEPATCH, SHN_LIVEPATCH, Rela
from .kernel import EINVAL, UNFORMED, Kernel
from .memory import KernelDies
from .scan import scan_section_name, scan_symbol_name

if TYPE_CHECKING:
    from .module import Module
    from .target import Target


@dataclass
class KlpFunc:
    old_name: bytes
    old_sympos: int


@dataclass
class KlpObject:
    name: bytes | None
    """None is vmlinux."""
    funcs: list[KlpFunc]
    mod: "Target | None" = None


@dataclass
class KlpPatch:
    mod: "Module"
    objs: list[KlpObject] = field(default_factory=list)


@dataclass
class Place:
    """The relocation that is looked at."""

    relsec: int
    rela: Rela


# ---- finding symbols


@dataclass
class KlpFindArg:
    name: bytes
    pos: int
    addr: int = 0
    count: int = 0


def klp_match_callback(args: KlpFindArg, addr: int) -> bool:
    """True ends the search."""
    args.addr = addr
    args.count += 1
    return (args.pos and args.count == args.pos) or (not args.pos and args.count > 1)


def klp_find_object_symbol(kernel: Kernel, objname: bytes | None, name: bytes, sympos: int) -> tuple[int, int]:
    """Error and address."""
    args = KlpFindArg(name, sympos)
    if objname is not None:
        symbols = module_kallsyms(kernel, objname)
    else:
        symbols = kernel.vmlinux_kallsyms()
    for found, addr in symbols:
        if found == name and klp_match_callback(args, addr):
            break
    shown = name.decode("latin-1")
    if args.addr == 0:
        kernel.pr_err(f"symbol {shown} not found in symbol table")
    elif args.count > 1 and sympos == 0:
        kernel.pr_err(f"unresolvable ambiguity for symbol {shown}")
    elif sympos != args.count and sympos > 0:
        kernel.pr_err(f"symbol position {sympos} for symbol {shown} not found")
    else:
        return 0, args.addr
    return -EINVAL, 0


def module_kallsyms(kernel: Kernel, objname: bytes):
    """module_kallsyms_on_each_symbol(): modules that are UNFORMED are not seen."""
    for mod in kernel.modules:
        if mod.state != UNFORMED and mod.name.encode("latin-1") == objname:
            yield from mod.kallsyms()


def klp_resolve_symbols(me: "Module", relsec: int, sec_objname: bytes) -> int:
    kernel = me.kernel
    for rela in me.sechdrs[relsec].relas:
        me.place = Place(relsec, rela)
        sym = me.symtab[rela.sym]
        shown = sym.name.decode("latin-1")
        if sym.shndx != SHN_LIVEPATCH:
            kernel.pr_err(f"symbol {shown} is not marked as a livepatch symbol")
            return -EINVAL
        scanned = scan_symbol_name(sym.name)
        if scanned is None:
            kernel.pr_err(f"symbol {shown} has an incorrectly formatted name")
            return -EINVAL
        sym_objname, sym_name, sympos = scanned
        sym_vmlinux = sym_objname == b"vmlinux"
        if sec_objname != b"vmlinux" and sym_vmlinux:
            kernel.pr_err(f"invalid access to vmlinux symbol {shown} from a module-specific section")
            return -EINVAL
        error, addr = klp_find_object_symbol(kernel, None if sym_vmlinux else sym_objname, sym_name, sympos)
        if error:
            return error
        sym.value = addr
    return 0


# ---- writing and clearing


def klp_write_section_relocs(me: "Module", secndx: int, objname: bytes | None, apply: bool) -> int:
    """klp_write_section_relocs() of 6.12 and later, klp_apply_section_relocs() of 6.1, which can only apply."""
    sec = me.sechdrs[secndx]
    sec_objname = scan_section_name(sec.name)
    if sec_objname is None:
        me.kernel.pr_err(f"section {sec.name.decode('latin-1')} has an incorrectly formatted name")
        return -EINVAL
    if (objname if objname is not None else b"vmlinux") != sec_objname:
        return 0
    if me.state != UNFORMED and not sec.flags & SHF_ALLOC:
        # Its records stayed in the temporary copy of the file, which load_module() has freed.
        raise KernelDies("freed", 0, 0)
    if apply:
        error = klp_resolve_symbols(me, secndx, sec_objname)
        if error:
            return error
        return me.kernel.arch.apply_relocate_add(me.sechdrs, me.symindex, secndx, me)
    # The weak one does nothing.
    clear_relocate_add = getattr(me.kernel.arch, "clear_relocate_add", None)
    if clear_relocate_add is not None:
        clear_relocate_add(me.sechdrs, me.symindex, secndx, me)
    return 0


def klp_apply_section_relocs(me: "Module", secndx: int, objname: bytes | None) -> int:
    return klp_write_section_relocs(me, secndx, objname, True)


def klp_write_object_relocs(patch: KlpPatch, obj: KlpObject, apply: bool) -> int:
    sechdrs = patch.mod.sechdrs
    for i in range(1, len(sechdrs)):
        if not sechdrs[i].flags & SHF_RELA_LIVEPATCH:
            continue
        error = klp_write_section_relocs(patch.mod, i, obj.name, apply)
        if error:
            return error
    return 0


def klp_apply_object_relocs(patch: KlpPatch, obj: KlpObject) -> int:
    return klp_write_object_relocs(patch, obj, True)


def klp_clear_object_relocs(patch: KlpPatch, obj: KlpObject) -> None:
    klp_write_object_relocs(patch, obj, False)


# ---- objects and patches


def klp_init_object_loaded(patch: KlpPatch, obj: KlpObject) -> int:
    """Without kallsyms_lookup_size_offset(), which finds any function that has a symbol."""
    patch.mod.place = None
    if obj.name is not None:
        error = klp_apply_object_relocs(patch, obj)
        if error:
            return error
        patch.mod.place = None
    for func in obj.funcs:
        error, _ = klp_find_object_symbol(patch.mod.kernel, obj.name, func.old_name, func.old_sympos)
        if error:
            return error
    return 0


def klp_find_object_module(kernel: Kernel, obj: KlpObject) -> None:
    for mod in kernel.modules:
        if obj.name is not None and mod.name.encode("latin-1") == obj.name and mod.klp_alive:
            obj.mod = mod


def klp_enable_patch(patch: KlpPatch) -> int:
    """klp_enable_patch() and klp_init_patch(), called by the init function of the livepatch."""
    kernel = patch.mod.kernel
    if not patch.objs or not patch.mod.klp:
        return -EINVAL
    for obj in patch.objs:
        obj.mod = None
        klp_find_object_module(kernel, obj)
        if obj.name is None or obj.mod is not None:
            error = klp_init_object_loaded(patch, obj)
            if error:
                return error
    kernel.klp_patches.append(patch)
    return 0


def klp_disable_patch(patch: KlpPatch) -> None:
    """Writes no relocation and clears none: the patch is forgotten."""
    patch.mod.kernel.klp_patches.remove(patch)


def klp_cleanup_module_patches_limited(kernel: Kernel, mod: "Target", limit: KlpPatch | None) -> None:
    for patch in kernel.klp_patches:
        if patch is limit:
            break
        for obj in patch.objs:
            if obj.name is None or obj.name != mod.name.encode("latin-1"):
                continue
            # 6.1 has no such call.
            if kernel.since(6, 12):
                klp_clear_object_relocs(patch, obj)
            obj.mod = None
            break


def klp_module_coming(kernel: Kernel, mod: "Target") -> int:
    if mod.name == "vmlinux":
        kernel.pr_err("vmlinux.ko: invalid module name")
        return -EINVAL
    mod.klp_alive = True
    for patch in kernel.klp_patches:
        for obj in patch.objs:
            if obj.name is None or obj.name != mod.name.encode("latin-1"):
                continue
            obj.mod = mod
            error = klp_init_object_loaded(patch, obj)
            if error:
                mod.klp_alive = False
                obj.mod = None
                # Patches in front of this one only: what was written for this one stays.
                klp_cleanup_module_patches_limited(kernel, mod, patch)
                return error
            break
    return 0


def klp_module_going(kernel: Kernel, mod: "Target") -> None:
    mod.klp_alive = False
    klp_cleanup_module_patches_limited(kernel, mod, None)
