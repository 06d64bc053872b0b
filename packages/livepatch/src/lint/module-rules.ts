import { compareKernel, hasOption, lateStore } from '@kelp/core';
import {
  findModinfoValue,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  SHT_NOBITS,
  type ObjectFile,
  type Section,
} from '@kelp/core/elf';
import type { LintContext } from './context.ts';
import { livepatchCore, moduleLoader, quoted, type Hit, type LintRule } from './rule.ts';

// Rules about the module as a whole: KLP0.

const thisModule = '.gnu.linkonce.this_module';

export const moduleRules: readonly LintRule[] = [
  {
    code: 'KLP001',
    name: 'livepatch-unsupported',
    severity: 'error',
    moment: 'load',
    errno: 'ENOEXEC',
    title: 'The kernel has no livepatch',
    advice: 'Build the kernel with CONFIG_LIVEPATCH, or load the livepatch into a kernel that has it.',
    source: moduleLoader('check_modinfo_livepatch'),
    *check({ architecture, kernel, livepatch }) {
      if (livepatch.flag === undefined) return;
      if (architecture.livepatch === undefined || lateStore(architecture.livepatch, kernel, 0) === undefined)
        yield { message: `Kernel ${kernel.release} of ${architecture.title} has no livepatch` };
      else if (kernel.configuration !== undefined && !hasOption(kernel, 'LIVEPATCH'))
        yield { message: 'CONFIG_LIVEPATCH is off' };
    },
  },
  {
    code: 'KLP002',
    name: 'not-marked',
    severity: 'error',
    moment: 'enable',
    errno: 'EINVAL',
    title: 'The module is not marked as a livepatch',
    advice: 'Add MODULE_INFO(livepatch, "Y") to the source of the module.',
    source: livepatchCore('klp_enable_patch'),
    *check({ livepatch }) {
      if (livepatch.flag === undefined) yield { message: '.modinfo has no value for livepatch' };
    },
  },
  {
    code: 'KLP003',
    name: 'marked-oddly',
    severity: 'note',
    moment: 'never',
    title: 'Tools do not take the module for a livepatch',
    advice:
      'Write MODULE_INFO(livepatch, "Y"): the kernel takes any value, objtool klp post-link only this one.',
    source: moduleLoader('check_modinfo_livepatch'),
    *check({ livepatch: { flag } }) {
      if (flag !== undefined && flag !== 'Y')
        yield { message: `livepatch is ${quoted(flag)} in .modinfo, expected "Y"` };
    },
  },
  {
    code: 'KLP004',
    name: 'vermagic',
    severity: 'error',
    moment: 'load',
    errno: 'ENOEXEC',
    title: 'The module was built for another kernel',
    advice: 'Build the livepatch with the source, configuration and compiler of the kernel that runs.',
    source: moduleLoader('check_modinfo'),
    check: vermagicHits,
  },
  {
    code: 'KLP005',
    name: 'this-module',
    severity: 'error',
    moment: 'load',
    errno: 'ENOEXEC',
    title: 'The struct module is missing, or has no memory',
    advice: 'Link the module with the .mod.o that modpost makes.',
    source: moduleLoader('elf_validity_cache_index_mod'),
    *check({ object }) {
      const found = object.sections.filter(isThisModule);
      const [first] = found;
      if (found.length !== 1 || first === undefined)
        yield { message: `the module has ${found.length} sections ${thisModule}, expected one` };
      else if ((first.flags & SHF_ALLOC) === 0n || first.type === SHT_NOBITS)
        yield {
          message: `${thisModule} is not loaded from the file`,
          place: { section: thisModule, offset: 0 },
        };
    },
  },
  {
    code: 'KLP006',
    name: 'struct-module-size',
    severity: 'error',
    moment: 'load',
    errno: 'ENOEXEC',
    title: 'The struct module has another size in this kernel',
    advice: 'Build the livepatch with the configuration of the kernel: its struct module has other members.',
    source: moduleLoader('elf_validity_cache_index_mod'),
    check: structureSizeHits,
  },
  {
    code: 'KLP007',
    name: 'no-symbol-table',
    severity: 'error',
    moment: 'load',
    errno: 'ENOEXEC',
    title: 'The module has no symbol table',
    advice: 'Do not strip the livepatch: the kernel resolves its symbols and keeps them for later.',
    source: moduleLoader('elf_validity_cache_index_sym'),
    *check({ table }) {
      if (table === undefined) yield { message: 'the module has no section of type SHT_SYMTAB' };
    },
  },
  {
    code: 'KLP008',
    name: 'exports',
    severity: 'warning',
    moment: 'run',
    title: 'The livepatch exports symbols',
    advice:
      'Do not export from a livepatch: modules that use the export keep it from being replaced or removed.',
    source: moduleLoader('find_module_sections'),
    *check({ object }) {
      for (const { name, size } of object.sections) {
        if (/^__ksymtab(?:_gpl)?$/u.test(name) && size > 0)
          yield { message: `${name} has ${size} bytes of exports`, place: { section: name, offset: 0 } };
      }
    },
  },
  {
    code: 'KLP009',
    name: 'arch-section',
    severity: 'error',
    moment: 'run',
    applies: [{ since: '5.8' }],
    title: 'A special section waits for a second run that the kernel no longer makes',
    advice:
      'Leave the section under its own name; references to modules in it must be avoided, as nothing processes it late any more.',
    source: livepatchCore('klp_init_object_loaded'),
    *check({ livepatch: { archSections } }) {
      for (const { name } of archSections)
        yield {
          message: `${name} is not read by kernels since 5.8, so that its entries are never processed`,
          place: { section: name, offset: 0 },
        };
    },
  },
  {
    code: 'KLP010',
    name: 'writable-code',
    severity: 'error',
    moment: 'load',
    errno: 'ENOEXEC',
    title: 'A section is writable and executable',
    advice:
      'Keep code and data in sections of their own; look at the flags that assembly gives its sections.',
    source: { file: 'kernel/module/strict_rwx.c', symbol: 'module_enforce_rwx_sections' },
    *check({ object, kernel }) {
      if (kernel.configuration !== undefined && !hasOption(kernel, 'STRICT_MODULE_RWX')) return;
      for (const { index, name, flags } of object.sections) {
        if (index !== 0 && (flags & (SHF_WRITE | SHF_EXECINSTR)) === (SHF_WRITE | SHF_EXECINSTR))
          yield {
            message: 'the section has SHF_WRITE and SHF_EXECINSTR',
            place: { section: name, offset: 0 },
          };
      }
    },
  },
];

function modinfoOf(file: ObjectFile, name: string): string | undefined {
  return findModinfoValue(file.section('.modinfo')?.bytes ?? new Uint8Array(), name);
}

function isThisModule({ index, name }: Section): boolean {
  return index !== 0 && name === thisModule;
}

/** same_magic(): with versions of symbols the release does not count. */
function* vermagicHits(context: LintContext): Generator<Hit> {
  const { kernel, object, reference } = context;
  const own = context.modinfo('vermagic')?.trim();
  if (own === undefined) {
    yield { message: '.modinfo has no vermagic; only a forced load takes the module' };
    return;
  }
  const [release = ''] = own.split(' ', 1);
  const versioned = object.section('__versions') !== undefined;
  if (!isOfKernel(release, kernel.release)) {
    const message = `vermagic is of ${quoted(release)}, the kernel is ${quoted(kernel.release)}`;
    yield versioned
      ? {
          message: `${message}; a kernel with CONFIG_MODVERSIONS asks the versions of symbols instead`,
          severity: 'warning',
        }
      : { message };
  }
  const other = reference === undefined ? undefined : modinfoOf(reference, 'vermagic')?.trim();
  if (other !== undefined && withoutRelease(other) !== withoutRelease(own))
    yield { message: `vermagic is ${quoted(own)}, modules of the kernel have ${quoted(other)}` };
}

/** A kernel that is given as a series, `6.12`, stands for all of its releases. */
function isOfKernel(release: string, kernel: string): boolean {
  return (
    release === kernel || (/^\d+\.\d+$/u.test(kernel) && new RegExp(`^${kernel}(?!\\d)`, 'u').test(release))
  );
}

function withoutRelease(vermagic: string): string {
  return vermagic.slice(vermagic.indexOf(' ') + 1);
}

function* structureSizeHits({ object, reference, kernel }: LintContext): Generator<Hit> {
  const own = object.sections.find(isThisModule);
  const other = reference?.sections.find(isThisModule);
  if (own === undefined || other === undefined || own.size === other.size) return;
  const message = `struct module has ${own.size} bytes in the livepatch and ${other.size} in modules of the kernel`;
  const place = { section: thisModule, offset: 0 };
  // Seen in 6.12, not in 6.1.
  if (compareKernel(kernel, '6.12') >= 0) yield { message, place };
  else
    yield {
      message: `${message}; this kernel does not notice, and finds its members in wrong places`,
      place,
      errno: null,
      moment: 'run',
    };
}
