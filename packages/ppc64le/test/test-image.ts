import { readFileSync } from 'node:fs';
import { parseKernel, type Kernel, type ModuleImage, type PlacedSection, type Question } from '@kelp/core';
import { parseObjectFile, type ObjectFile } from '@kelp/core/elf';

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

export function toHex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex');
}

/** Instruction words as a little-endian file has them, in hexadecimal. */
export function code(...values: readonly number[]): string {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4);
  return bytes.toString('hex');
}

/** An address in hexadecimal as a little-endian file has it. */
export function quad(value: bigint): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes.toString('hex');
}

export function fixture(name: string): ObjectFile {
  return parseObjectFile(
    readFileSync(new URL(`../../testkit/fixtures/ppc64le/${name}`, import.meta.url)),
    name,
  );
}

/** Sections of a module at addresses, with a record of what happens to them. */
export interface TestImage extends ModuleImage {
  readonly questions: readonly Question[];
  /** Cause, address, bytes in hexadecimal. */
  readonly writes: readonly string[];
  /** Bytes in hexadecimal. */
  hex(address: bigint, length: number): string;
}

export interface TestImageInput {
  readonly kernel?: Kernel;
  readonly object?: ObjectFile;
  /** Name, address and bytes in hexadecimal. */
  readonly memory: readonly (readonly [name: string, address: bigint, hex: string])[];
  readonly features?: Readonly<Record<string, boolean>>;
  readonly values?: Readonly<Record<string, bigint>>;
  readonly symbols?: Readonly<Record<string, bigint>>;
  readonly answers?: Readonly<Record<string, string>>;
}

export function testImage(input: TestImageInput): TestImage {
  const {
    kernel = parseKernel('7.3'),
    object = fixture('hello-7.3.ko'),
    memory,
    features = {},
    values = {},
  } = input;
  const ranges = memory.map(([name, address, hex]) => ({ name, address, bytes: fromHex(hex) }));
  const find = (address: bigint, length: number): Uint8Array | undefined => {
    const range = ranges.find(
      (one) => address >= one.address && address + BigInt(length) <= one.address + BigInt(one.bytes.length),
    );
    return range?.bytes.subarray(Number(address - range.address), Number(address - range.address) + length);
  };
  const sections = ranges.map(({ name, address, bytes }): PlacedSection => {
    const index = object.sections.find((section) => section.index !== 0 && section.name === name)?.index ?? 0;
    return { index, name, address, size: bytes.length, init: false };
  });
  const questions: Question[] = [];
  const writes: string[] = [];
  return {
    object,
    kernel,
    machine: {
      pageSize: 65_536,
      smp: false,
      feature: (name) => features[name],
      value: (name) => values[name],
    },
    byteOrder: 'little',
    sections,
    textAddress: 0n,
    questions,
    writes,
    hex: (address, length) => toHex(find(address, length)),
    section: (name) => sections.find((one) => one.name === name),
    read: (address, length) => find(address, length)?.slice(),
    write: (address, bytes, cause) => {
      find(address, bytes.length)?.set(bytes);
      writes.push(`${cause} 0x${address.toString(16)} ${toHex(bytes)}`);
    },
    externalSymbol: (name) => input.symbols?.[name],
    generatedCode: [],
    functionAt: () => undefined,
    ask: (question) => {
      questions.push(question);
      return input.answers?.[question.id] ?? question.candidates[0]?.answer ?? '';
    },
  };
}
