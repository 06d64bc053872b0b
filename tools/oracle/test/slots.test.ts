import { describe, expect, it } from 'vitest';
import { arm64Entries, ppc64leStubs, s390xEntries, s390xSlots } from '../src/slots.ts';

function table(
  address: bigint,
  size: number,
  fill: (data: DataView) => void,
): { address: bigint; bytes: Uint8Array } {
  const bytes = new Uint8Array(size);
  fill(new DataView(bytes.buffer));
  return { address, bytes };
}

describe('entries by their contents', () => {
  it('reads PLT entries of arm64, whose ADRP counts pages from its own', () => {
    const plt = table(0x1_2000n, 36, (data) => {
      // adrp x16, 0x14000; add x16, x16, #0x678; br x16
      for (const [index, word] of [0xd000_0010, 0x9119_e210, 0xd61f_0200].entries())
        data.setUint32(12 + index * 4, word, true);
    });
    expect(arm64Entries([plt])).toEqual(new Map([[0x1_4678n, [0x1_200cn]]]));
  });

  it('reads stubs of ppc64le, each with its target, and no unused ones', () => {
    const stubs = table(0x1000n, 120, (data) => {
      for (const at of [0, 40]) {
        data.setUint32(at + 28, 0x7374_7562, true);
        data.setBigUint64(at + 32, 0xc000_0000_0000_1234n, true);
      }
    });
    expect(ppc64leStubs([stubs])).toEqual(new Map([[0xc000_0000_0000_1234n, [0x1000n, 0x1028n]]]));
  });

  it('tells the GOT of s390x from the PLT behind it', () => {
    const prefix = table(0x2000n, 16 + 44, (data) => {
      data.setBigUint64(0, 0x111n);
      data.setBigUint64(8, 0x222n);
      for (const at of [16, 38]) data.setBigUint64(at, 0x0d10_e310_100c_0004n);
      data.setBigUint64(16 + 14, 0x333n);
      data.setBigUint64(38 + 14, 0x444n);
    });
    expect(s390xSlots([prefix])).toEqual(
      new Map([
        [0x111n, [0x2000n]],
        [0x222n, [0x2008n]],
      ]),
    );
    expect(s390xEntries([prefix])).toEqual(
      new Map([
        [0x333n, [0x2010n]],
        [0x444n, [0x2026n]],
      ]),
    );
  });
});
