/**
 * @typedef {object} PackageOptions
 * @property {string} name
 * @property {number} machine
 * @property {'little' | 'big'} byteOrder
 * @property {string} kernel
 * @property {string} title
 * @property {string[]} aliases
 * @property {string} version
 * @property {Record<string, string>} engines
 * @property {Record<string, string>} repository
 */

/**
 * The files of a new plugin by path: tables that hold what all architectures have in common, and a test that is the
 * conformance suite.
 *
 * @param {PackageOptions} options
 * @returns {Record<string, string>}
 */
export function packageFiles(options) {
  const { name } = options;
  const home = `packages/${name}`;
  return {
    [`${home}/package.json`]: `${JSON.stringify(manifest(options), undefined, 2)}\n`,
    [`${home}/tsconfig.json`]:
      '{\n  "extends": "../../tsconfig.base.json",\n  "include": ["*.ts", "src", "test"]\n}\n',
    [`${home}/tsup.config.ts`]:
      "import { defineConfig } from 'tsup';\nimport { library } from '../../tsup.base.ts';\n\nexport default defineConfig(library);\n",
    [`${home}/README.md`]: readme(options),
    [`${home}/evidence.json`]: `${JSON.stringify({ schema: 1, architecture: name, code: '', records: [] })}\n`,
    [`${home}/coverage.json`]: '{}\n',
    [`${home}/kernel-source.json`]: `${JSON.stringify(kernelSource(options), undefined, 2)}\n`,
    [`${home}/src/index.ts`]: `export { ${name} } from './architecture.ts';\n`,
    [`${home}/src/architecture.ts`]: architecture(options),
    [`${home}/src/relocation-types.ts`]: relocationTypes(options),
    [`${home}/src/special-sections.ts`]: specialSections(options),
    [`${home}/src/finalization.ts`]: finalization(options),
    [`${home}/src/support.ts`]: support(options),
    [`${home}/test/conformance-input.ts`]: conformanceInput(options),
    [`${home}/test/conformance.test.ts`]: `import { testArchitecture } from '@kelp/testkit';
import { ${name} } from '../src/index.ts';
import { conformanceInput } from './conformance-input.ts';

testArchitecture(${name}, conformanceInput);
`,
    [`packages/testkit/fixtures/${name}/vectors.json`]: '{\n  "tool": "none yet",\n  "cases": []\n}\n',
    [`.changeset/${name}.md`]: `---\n'@kelp/${name}': minor\n'@kelp/cli': minor\n---\n\nAdd ${options.title}.\n`,
  };
}

/** @param {PackageOptions} options */
function manifest({ name, title, version, engines, repository }) {
  return {
    name: `@kelp/${name}`,
    version,
    description: `Relocation types and special sections of Linux kernel modules on ${title}`,
    keywords: ['kernel', 'linux', 'livepatch'],
    license: 'MIT',
    repository: { ...repository, directory: `packages/${name}` },
    files: ['dist', 'coverage.json', 'evidence.json', 'kernel-source.json'],
    type: 'module',
    sideEffects: false,
    exports: {
      '.': { '@kelp/source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' },
      './evidence.json': './evidence.json',
      './coverage.json': './coverage.json',
      './kernel-source.json': './kernel-source.json',
      './package.json': './package.json',
    },
    publishConfig: { access: 'public' },
    scripts: { build: 'tsup', test: `vitest run --root ../.. --project packages/${name}` },
    dependencies: { '@kelp/core': version },
    devDependencies: { '@kelp/testkit': version },
    engines,
    nx: { tags: ['layer:arch'] },
  };
}

/** @param {PackageOptions} options */
function kernelSource({ name, kernel, byteOrder }) {
  return {
    schema: 'kelp-architecture-source/1',
    folder: kernel,
    macros: {
      CONFIG_64BIT: true,
      __LITTLE_ENDIAN_BITFIELD: byteOrder === 'little',
      __BIG_ENDIAN_BITFIELD: byteOrder === 'big',
    },
    loader: [`arch/${kernel}/kernel/module.c`],
    excluded: [],
    relocationNumbers: [`arch/${kernel}/include/asm/elf.h`],
    relocationPrefixes: [`R_${name.toUpperCase()}_`],
    hooks: [{ name: 'apply_relocate_add' }, { name: 'module_finalize' }],
  };
}

/** @param {PackageOptions} options */
function readme({ name, title }) {
  return `# @kelp/${name}

What Linux kernel modules for ${title} consist of: relocation types with the rule by which the kernel applies, ignores or refuses each, and special sections with the layout of their entries, by kernel version and configuration.

\`@kelp/${name}/evidence.json\` records what was checked, against what; \`@kelp/${name}/coverage.json\` is the report computed from it.

## Install

\`\`\`console
$ npm install @kelp/${name}
\`\`\`

Node 20.19 or newer 20, 22.12 or newer; ES modules only.

## License

MIT
`;
}

/** @param {PackageOptions} options */
function architecture({ name, title, aliases, machine, byteOrder }) {
  return `import { defineArchitecture } from '@kelp/core';
import { finalization } from './finalization.ts';
import { relocationTypes } from './relocation-types.ts';
import { specialSections } from './special-sections.ts';
import { support } from './support.ts';

/** ${title}. */
export const ${name} = defineArchitecture({
  id: '${name}',
  title: ${JSON.stringify(title)},
  aliases: ${JSON.stringify(aliases)},
  elf: { machine: ${machine}, byteOrder: '${byteOrder}' },
  abi: ${JSON.stringify(`ELF psABI of ${title}`)},
  relocationTypes,
  specialSections,
  finalization,
  support,
});
`;
}

/** @param {PackageOptions} options */
function relocationTypes({ kernel }) {
  const source = `arch/${kernel}/kernel/module.c`;
  return `import { relocationTable } from '@kelp/core';

// Numbers and names: the psABI, as binutils prints them. Rules: apply_relocate_add() in ${source}.

/** Relocation types in the order of their numbers: [number, name, rule, ...rules of other kernels]. */
export const relocationTypes = relocationTable({ file: '${source}', symbol: 'apply_relocate_add' }, []);
`;
}

/** @param {PackageOptions} options */
function specialSections({ kernel }) {
  return `import { genericSections, type SpecialSection } from '@kelp/core';

// Layouts: include/linux and arch/${kernel}/include/asm. Consumers: what load_module() runs.

/** Every special section: those of all architectures, then its own. */
export const specialSections: readonly SpecialSection[] = [...genericSections];
`;
}

/** @param {PackageOptions} options */
function finalization({ kernel }) {
  const file = `arch/${kernel}/kernel/module.c`;
  return `import type { Finalization } from '@kelp/core';

/** What module_finalize() does, by kernel: so far nothing is known of it. */
export const finalization: Finalization = [
  {
    steps: [],
    ftraceSections: [],
    source: { file: '${file}', symbol: 'module_finalize' },
  },
];
`;
}

/** @param {PackageOptions} options */
function support({ kernel }) {
  return `import type { Support } from '@kelp/core';

/** What kernels and livepatch tools support: arch/${kernel}/Kconfig and the tools' own lists. */
export const support: Support = { capabilities: [], tools: [] };
`;
}

/** @param {PackageOptions} options */
function conformanceInput({ name }) {
  return `import { parseSeries } from '@kelp/core';
import { readFixtures, type ConformanceInput } from '@kelp/testkit';

/** What ${name} is held against. */
export const conformanceInput: ConformanceInput = {
  ...readFixtures(new URL('../../testkit/fixtures/${name}/', import.meta.url)),
  kernels: ['6.1', '6.12', '7.2', '7.3'].map((series) => parseSeries(series)),
};
`;
}
