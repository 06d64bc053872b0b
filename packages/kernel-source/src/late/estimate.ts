import type { SourceSubject } from '../architecture-source.ts';
import type { Knowledge } from '../c/condition.ts';
import type { Unread } from '../c/functions.ts';
import { generalFolders } from '../compare-source.ts';
import { knowledgeOf } from '../configurations.ts';
import type { LateModulesList } from '../late-modules-list.ts';
import { readTexts } from '../texts.ts';
import type { SourceTree } from '../tree.ts';
import { genericFiles } from './entry-points.ts';
import type { LateCode, StayingCode } from './late-code.ts';
import { findLateCode } from './late-modules.ts';
import { compareWithList, type ListComparison } from './list-comparison.ts';
import { Program } from './program.ts';

/** The code of a tree that exists only because a module may be patched after the livepatch was loaded. */
export interface LateModulesEstimate {
  readonly root: string;
  readonly version: string;
  readonly code: readonly LateCode[];
  /** What might be expected to go and stays, with who else uses it. */
  readonly staying: readonly StayingCode[];
  readonly comparison: ListComparison;
  readonly unread: readonly Unread[];
  /** Folder below `arch/` to the id of the architecture. */
  readonly architectures: ReadonlyMap<string, string>;
}

/** Estimate what could go in a tree if modules were no longer patched late, and compare that with a person's list. */
export function estimateLateModules(
  tree: SourceTree,
  subjects: readonly SourceSubject[],
  list: LateModulesList,
): LateModulesEstimate {
  const present = subjects.filter(({ source }) => tree.has(`arch/${source.folder}`));
  const paths = [
    ...genericFiles.folders.flatMap((folder) => [...tree.files(folder, /\.[ch]$/u)]),
    ...genericFiles.headers,
    ...present.flatMap(({ source }) => source.loader),
  ];
  const folders = present.map(({ source }) => source.folder);
  const texts = readTexts(tree, [...generalFolders, ...folders.map((folder) => `arch/${folder}`)]);
  const program = new Program(tree, paths, agreed(present), texts);
  const { code, staying } = findLateCode(
    program,
    present.flatMap(({ source }) => source.lateModules),
  );
  return {
    root: tree.root,
    version: tree.version,
    code,
    staying,
    comparison: compareWithList(code, list, tree.version, folders),
    unread: program.unread,
    architectures: new Map(present.map(({ architecture, source }) => [source.folder, architecture.id])),
  };
}

/** What all architectures that know an option say about it. */
function agreed(subjects: readonly SourceSubject[]): Knowledge {
  return (name) => {
    const values = new Set(
      subjects.map(({ source }) => knowledgeOf(source.macros)(name)).filter((value) => value !== undefined),
    );
    const [value] = values;
    return values.size === 1 ? value : undefined;
  };
}
