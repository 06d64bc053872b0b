import { parseKernel, type ModuleImage, type PlacedSection, type Question } from '@kelp/core';
import {
  parseObjectFile,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHT_PROGBITS,
  writeObjectFile,
  type SymbolSpecification,
} from '@kelp/core/elf';

/** Bytes written in hexadecimal; white space does not count. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/gu, ''), 'hex'));
}

/** Bytes in hexadecimal, with a space between two. */
export function toHex(bytes: Uint8Array | undefined): string {
  return [...(bytes ?? [])].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** Little-endian bytes of a number. */
export function little(value: bigint | number, size: number): readonly number[] {
  return Array.from({ length: size }, (_, index) =>
    Number(BigInt.asUintN(8, BigInt(value) >> BigInt(index * 8))),
  );
}

/** A table of 32-bit pc-relative references. */
export function siteList(address: bigint, sites: readonly bigint[]): Uint8Array {
  return Uint8Array.from(sites.flatMap((site, index) => little(site - (address + BigInt(index * 4)), 4)));
}

/** A section of a module, at its place. Those that begin with .text or .altinstr_r hold code. */
interface TestSection {
  readonly name: string;
  readonly address: bigint;
  readonly bytes: Uint8Array;
  readonly init?: boolean;
}

export interface TestImageInput {
  readonly release: string;
  readonly sections: readonly TestSection[];
  /** Symbols of the module; a section index counts from 1, in the order of `sections`. */
  readonly own?: readonly SymbolSpecification[];
  /** Symbols of the kernel. */
  readonly symbols?: Readonly<Record<string, bigint>>;
  readonly features?: Readonly<Record<string, boolean>>;
  readonly values?: Readonly<Record<string, bigint>>;
  readonly generatedCode?: ModuleImage['generatedCode'];
  readonly smp?: boolean;
  /** By ID of the question. */
  readonly answers?: Readonly<Record<string, string>>;
}

export interface TestImage extends ModuleImage {
  readonly questions: readonly Question[];
  /** Cause and address of each write. */
  readonly writes: readonly string[];
  hex(address: bigint, length: number): string;
}

/** Memory of a module, and a record of what happens to it. */
export function testImage(input: TestImageInput): TestImage {
  const { release, symbols = {}, features = {}, values = {}, answers = {} } = input;
  const sections = input.sections.map((section) => ({ ...section, bytes: section.bytes.slice() }));
  const placed = sections.map(({ name, address, bytes, init = false }, index): PlacedSection => ({
    index: index + 1,
    name,
    address,
    size: bytes.length,
    init,
  }));
  const find = (address: bigint, length: number): Uint8Array | undefined => {
    const one = sections.find(
      ({ address: start, bytes }) =>
        address >= start && address + BigInt(length) <= start + BigInt(bytes.length),
    );
    return one?.bytes.subarray(Number(address - one.address), Number(address - one.address) + length);
  };
  const questions: Question[] = [];
  const writes: string[] = [];
  return {
    object: objectOf(sections, input.own ?? []),
    kernel: parseKernel(release),
    machine: {
      pageSize: 4096,
      smp: input.smp ?? false,
      feature: (name) => features[name],
      value: (name) => values[name],
    },
    byteOrder: 'little',
    sections: placed,
    textAddress: sections[0]?.address ?? 0n,
    questions,
    writes,
    hex: (address, length) => toHex(find(address, length)),
    section: (name) => placed.findLast((section) => section.name === name),
    read: (address, length) => find(address, length)?.slice(),
    write(address, bytes, cause) {
      const place = find(address, bytes.length);
      if (place === undefined) throw new RangeError(`${cause} outside the module`);
      place.set(bytes);
      writes.push(`${cause} 0x${address.toString(16)}`);
    },
    externalSymbol: (name) => symbols[name],
    generatedCode: input.generatedCode ?? [],
    functionAt: (address) => Object.entries(symbols).find(([, value]) => value === address)?.[0],
    ask(question) {
      questions.push(question);
      return answers[question.id] ?? question.candidates[0]?.answer ?? '';
    },
  };
}

function objectOf(
  sections: readonly TestSection[],
  own: readonly SymbolSpecification[],
): ModuleImage['object'] {
  return parseObjectFile(
    writeObjectFile({
      machine: 62,
      byteOrder: 'little',
      sections: sections.map(({ name, bytes }) => ({
        name,
        type: SHT_PROGBITS,
        flags: /^\.(?:text|altinstr_r)/u.test(name) ? SHF_ALLOC | SHF_EXECINSTR : SHF_ALLOC,
        bytes,
      })),
      symbols: own,
    }),
  );
}

/** What the bytes at the place of a question say. */
export function derive(
  image: TestImage,
  id: string,
  bytes: string,
  memory: TestImage = image,
): string | undefined {
  const question = image.questions.find((one) => one.id === id);
  if (question === undefined) throw new Error(`nobody asks for ${id}`);
  return question.derive?.(hex(bytes), (address, length) => memory.read(address, length));
}
