export * from './constants.ts';
export { readIdentity } from './container.ts';
export { findModinfoValue, parseModinfo, modinfoValue, type ModinfoTag } from './modinfo.ts';
export { parseObjectFile, type ObjectFile } from './object-file.ts';
export type { RelocationTable } from './relocation-table.ts';
export { rewriteObjectFile, type ObjectChanges } from './rewriter.ts';
export type { SymbolChange } from './rewritten-contents.ts';
export type { Section } from './section.ts';
export type { SymbolTable } from './symbol-table.ts';
export {
  writeObjectFile,
  type ObjectSpecification,
  type RelocationSpecification,
  type SectionSpecification,
  type SymbolSpecification,
} from './writer.ts';
