import type { JumpLabelEncoder } from '@kelp/core';
import { encodeBranch, instructionBytes, nop } from './instructions.ts';

/** arch_jump_label_transform_queue(): B or NOP. */
export const jumpLabel: JumpLabelEncoder = {
  encode(_image, { code, target }, jumps) {
    return instructionBytes([jumps ? encodeBranch(code, target) : nop]);
  },
};
