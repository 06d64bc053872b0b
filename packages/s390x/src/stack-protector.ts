import { PlacedTable, type ModuleImage, type PlacedSection, type Refusal } from '@kelp/core';
import { isOn, relocatedLowcore } from './features.ts';
import { stackProtectorSite } from './special-sections.ts';

/** __LC_STACK_CANARY: where the lowcore holds the canary of the current task. */
const canary = 0x240;
/** LOWCORE_ALT_ADDRESS. */
const relocated = 0x70000;

/**
 * __stack_protector_apply(), arch/s390/kernel/stackprotector.c: each larl or lgrl of __stack_chk_guard becomes llilf with
 * the address of the canary.
 */
export function applyStackProtector(image: ModuleImage, section: PlacedSection): Refusal | undefined {
  const table = new PlacedTable(image, section, stackProtectorSite);
  for (let entry = 0; entry < table.count; entry++) {
    const address = table.pointer(entry, 'insn');
    const [opcode, operands = 0] = image.read(address, 6) ?? [];
    if (!isLarl(opcode, operands) && !isLgrl(opcode, operands)) {
      const reason = `instruction at 0x${address.toString(16)} is neither larl nor lgrl`;
      return { errno: 'EINVAL', reason };
    }
    const [off, on] = [llilf(operands, canary), llilf(operands, canary + relocated)];
    image.write(address, isOn(image, relocatedLowcore, { address, off, on }) ? on : off, 'stack-protector');
  }
  return undefined;
}

function isLarl(opcode: number | undefined, operands: number): boolean {
  return opcode === 0xc0 && (operands & 0x0f) === 0x00;
}

function isLgrl(opcode: number | undefined, operands: number): boolean {
  return opcode === 0xc4 && (operands & 0x0f) === 0x08;
}

/** llilf with the register of another instruction. */
function llilf(operands: number, value: number): Uint8Array {
  const bytes = Uint8Array.of(0xc0, (operands & 0xf0) | 0x0f, 0, 0, 0, 0);
  new DataView(bytes.buffer).setUint32(2, value);
  return bytes;
}
