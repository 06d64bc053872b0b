import { KelpError } from '@kelp/core';
import type { KernelReader, KernelView } from './kernel-reader.ts';
import { hex } from './memory-source.ts';
import { moduleStart } from './module-layout.ts';

/** More modules than any kernel has loaded. */
const mostModules = 2 ** 16;

/** Memory searched at once. */
const searched = 2 ** 20;

/** Bytes of a struct module that tell whether one is there. */
const startSize = moduleStart.name + moduleStart.nameSize;

/**
 * Addresses of the struct module of every module on a list, oldest first.
 *
 * @param head - address of `modules`.
 * @param list - offset of `list` in struct module.
 * @throws KelpError `memory/damaged-module-list` if the list does not come back to its head, `memory/absent`.
 */
export function walkModules(reader: KernelReader, head: bigint, list: number): bigint[] {
  const found: bigint[] = [];
  const seen = new Set<bigint>();
  for (
    let node = reader.u64(head, 'modules');
    node !== head;
    node = reader.u64(node, 'the next module of the list')
  ) {
    if (seen.has(node) || found.length >= mostModules) {
      const message = `the module list goes in a circle at ${hex(node)} after ${found.length} modules`;
      throw new KelpError('memory/damaged-module-list', message, { file: reader.file });
    }
    seen.add(node);
    found.push(node - BigInt(list));
  }
  // load_module adds a module at the head.
  return found.toReversed();
}

/**
 * Find the list of modules without its symbol, which kallsyms lacks without CONFIG_KALLSYMS_ALL: every struct module is
 * on a ring of list nodes, of which the one that is in no module is the head.
 *
 * @param ranges - virtual memory in which modules may be.
 * @returns the address of the head, or undefined if no module is found.
 */
export function searchModuleList(
  reader: KernelReader,
  ranges: readonly { readonly address: bigint; readonly size: bigint }[],
): bigint | undefined {
  for (const { address, size } of ranges) {
    for (let place = address; place < address + size; place += BigInt(searched - startSize)) {
      const rest = address + size - place;
      const view = reader.tryView(place, rest < searched ? Number(rest) : searched);
      const module = view === undefined ? undefined : searchView(reader, place, view);
      const head = module === undefined ? undefined : headOfRing(reader, module + BigInt(moduleStart.list));
      if (head !== undefined) return head;
    }
  }
  return undefined;
}

function searchView(reader: KernelReader, address: bigint, view: KernelView): bigint | undefined {
  const { bytes } = view;
  for (let offset = 0; offset + startSize <= view.length; offset += 8) {
    // A name begins with a letter or digit; most places are out by this alone.
    if (!isNameCharacter(bytes[offset + moduleStart.name] ?? 0)) continue;
    if (isModule(reader, address + BigInt(offset), view, offset)) return address + BigInt(offset);
  }
  return undefined;
}

/** Whether bytes at an offset of a view, which starts `offset` before `address`, are the start of a struct module. */
function isModule(reader: KernelReader, address: bigint, view: KernelView, offset: number): boolean {
  if (view.u32(offset + moduleStart.state) > 3 || !hasName(view, offset + moduleStart.name)) return false;
  const node = address + BigInt(moduleStart.list);
  const next = view.u64(offset + moduleStart.list);
  const previous = view.u64(offset + moduleStart.list + 8);
  const isAligned = next % 8n === 0n && previous % 8n === 0n && next !== 0n;
  return isAligned && reader.tryU64(next + 8n) === node && reader.tryU64(previous) === node;
}

/** A module's name, then zeros to the end of the field. */
function hasName(view: KernelView, start: number): boolean {
  const field = view.bytes.subarray(start, start + moduleStart.nameSize);
  const end = field.indexOf(0);
  return (
    end > 0 &&
    field.subarray(0, end).every(isNameCharacter) &&
    field.subarray(end).every((byte) => byte === 0)
  );
}

function isNameCharacter(byte: number): boolean {
  const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
  return isLetter || (byte >= 0x30 && byte <= 0x39) || byte === 0x5f || byte === 0x2d;
}

function headOfRing(reader: KernelReader, start: bigint): bigint | undefined {
  let node = start;
  for (let count = 0; count < mostModules; count++) {
    const module = node - BigInt(moduleStart.list);
    const view = reader.tryView(module, startSize);
    if (view === undefined || !isModule(reader, module, view, 0)) return node;
    const next = reader.tryU64(node);
    if (next === undefined || next === start) return undefined;
    node = next;
  }
  return undefined;
}
