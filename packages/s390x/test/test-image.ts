import { readFileSync } from 'node:fs';
import {
  parseKernel,
  type GeneratedCode,
  type ModuleImage,
  type PlacedSection,
  type Question,
} from '@kelp/core';
import { parseObjectFile, type ObjectFile } from '@kelp/core/elf';
import type { LoadedImage } from '@kelp/loader';

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

export function toHex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex');
}

export function fixture(name: string): ObjectFile {
  return parseObjectFile(
    readFileSync(new URL(`../../testkit/fixtures/s390x/${name}`, import.meta.url)),
    name,
  );
}

/** Memory of a module that is not loaded from a file: bytes at addresses, and a record of what happens to them. */
export interface TestImage extends ModuleImage {
  readonly questions: readonly Question[];
  readonly writes: readonly string[];
  /** Bytes in hexadecimal. */
  hex(address: bigint, length: number): string;
}

interface TestImageInput {
  readonly release?: string;
  /** Address and bytes in hexadecimal. The first is the text. */
  readonly memory: readonly (readonly [bigint, string])[];
  readonly features?: Readonly<Record<string, boolean>>;
  readonly answers?: Readonly<Record<string, string>>;
  readonly functions?: ReadonlyMap<bigint, string>;
  readonly symbols?: Readonly<Record<string, bigint>>;
  readonly generatedCode?: readonly GeneratedCode[];
}

export function testImage({
  release = '7.3',
  memory,
  features = {},
  answers = {},
  functions,
  symbols = {},
  generatedCode = [],
}: TestImageInput): TestImage {
  const ranges = memory.map(([address, hex]) => ({ address, bytes: fromHex(hex) }));
  const find = (address: bigint, length: number): Uint8Array | undefined => {
    const range = ranges.find(
      (one) => address >= one.address && address + BigInt(length) <= one.address + BigInt(one.bytes.length),
    );
    return range?.bytes.subarray(Number(address - range.address), Number(address - range.address) + length);
  };
  const questions: Question[] = [];
  const writes: string[] = [];
  return {
    object: fixture('hello-7.3.ko'),
    kernel: parseKernel(release),
    machine: { pageSize: 4096, smp: false, feature: (name) => features[name], value: () => undefined },
    byteOrder: 'big',
    sections: [],
    textAddress: ranges[0]?.address ?? 0n,
    questions,
    writes,
    hex: (address, length) => toHex(find(address, length)),
    section: () => undefined,
    read: (address, length) => find(address, length)?.slice(),
    write: (address, bytes, cause) => {
      find(address, bytes.length)?.set(bytes);
      writes.push(`${cause} 0x${address.toString(16)} ${toHex(bytes)}`);
    },
    externalSymbol: (name) => symbols[name],
    generatedCode,
    functionAt: (address) => functions?.get(address),
    ask: (question) => {
      questions.push(question);
      return answers[question.id] ?? question.candidates[0]?.answer ?? '';
    },
  };
}

/** A section that is somewhere. */
export function sectionAt(name: string, address: bigint, size: number): PlacedSection {
  return { index: 1, name, address, size, init: false };
}

/** Bytes of a loaded module in hexadecimal. */
export function hexAt(image: LoadedImage, section: string, offset: number, length: number): string {
  const address = image.section(section)?.address ?? 0n;
  return toHex(image.read(address + BigInt(offset), length));
}
