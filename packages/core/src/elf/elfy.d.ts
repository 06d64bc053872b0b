/** The two methods of elfy 1.0.0 that Kelp uses; the package has no types of its own and is CommonJS. */
declare module 'elfy' {
  class Parser {
    parseHeader(bytes: Buffer): { readonly class: '32' | '64'; readonly endian: 'lsb' | 'msb' };
    resolveStr(strings: Buffer, offset: number): string;
  }
  const elfy: { readonly Parser: typeof Parser };
  export default elfy;
}
