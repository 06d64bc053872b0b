import type { Finding } from '@kelp/core';
import type { ModuleFacts } from './module-facts.ts';

/** What would go wrong when one module stands for another one. */
export function checkReplacement(replacement: ModuleFacts, replaced: ModuleFacts): readonly Finding[] {
  return [
    ...checkBuild(replacement, replaced),
    ...checkExports(replacement, replaced),
    ...checkNeeds(replacement, replaced),
    ...checkAliases(replacement, replaced),
  ];
}

function finding(severity: Finding['severity'], code: `pack/${string}`, message: string): Finding {
  return { severity, code, message };
}

function checkBuild(replacement: ModuleFacts, replaced: ModuleFacts): readonly Finding[] {
  const name = replacement.name ?? '';
  const found: Finding[] = [];
  if (replacement.vermagic !== replaced.vermagic)
    found.push(
      finding(
        'error',
        'pack/vermagic',
        `${name} is built for ${replacement.vermagic ?? 'no kernel'}, the module that it replaces for ${replaced.vermagic ?? 'none'}`,
      ),
    );
  if (replacement.buildId !== undefined && replacement.buildId === replaced.buildId)
    found.push(
      finding('warning', 'pack/same-build', `${name} has the build-id of the module that it replaces`),
    );
  if (replaced.isSigned && !replacement.isSigned)
    found.push(finding('warning', 'pack/unsigned', `${name} is not signed, the module that it replaces is`));
  return found;
}

/** Dependents were built against the checksums of the old module: check_version() refuses them with ENOEXEC. */
function checkExports(replacement: ModuleFacts, replaced: ModuleFacts): readonly Finding[] {
  const name = replacement.name ?? '';
  return [...replaced.exports].flatMap(([symbol, checksum]) => {
    if (!replacement.exports.has(symbol)) {
      const message = `${name} does not export ${symbol} any more: modules that need it cannot be loaded`;
      return [finding('error', 'pack/export-missing', message)];
    }
    const now = replacement.exports.get(symbol);
    if (now === checksum) return [];
    const message = `${name} exports ${symbol} with checksum ${hex(now)}, the module that it replaces with ${hex(checksum)}`;
    return [finding('error', 'pack/export-checksum', message)];
  });
}

/** Both are loaded by the same kernel: it has one checksum for each symbol. */
function checkNeeds(replacement: ModuleFacts, replaced: ModuleFacts): readonly Finding[] {
  const name = replacement.name ?? '';
  if (replaced.needs.size > 0 && replacement.needs.size === 0)
    return [
      finding('error', 'pack/no-versions', `${name} has no symbol versions, the module that it replaces has`),
    ];
  const different = [...replacement.needs].flatMap(([symbol, checksum]) => {
    const known = replaced.needs.get(symbol);
    if (known === undefined || known === checksum) return [];
    const message = `${name} needs ${symbol} with checksum ${hex(checksum)}, the module that it replaces with ${hex(known)}`;
    return [finding('error', 'pack/need-checksum', message)];
  });
  const added = [...replacement.needs.keys()].filter((symbol) => !replaced.needs.has(symbol));
  if (replaced.needs.size === 0 || added.length === 0) return different;
  const message = `${name} needs ${added.join(', ')}, whose checksums the module that it replaces does not tell`;
  return [...different, finding('note', 'pack/need-unchecked', message)];
}

function checkAliases(replacement: ModuleFacts, replaced: ModuleFacts): readonly Finding[] {
  const known = new Set(replacement.aliases);
  return replaced.aliases
    .filter((alias) => !known.has(alias))
    .map((alias) =>
      finding(
        'error',
        'pack/alias-missing',
        `${replacement.name ?? ''} has no alias ${alias}: what asks for it finds nothing`,
      ),
    );
}

function hex(checksum: number | undefined): string {
  return checksum === undefined ? 'none' : `0x${checksum.toString(16).padStart(8, '0')}`;
}
