/** Bytes of an immediate or displacement; those named by letter depend on the operand or address size. */
export type FieldSize =
  | 1
  | 2
  | 3
  | 4
  | 8
  /** Operand size, at most 4: 2 with 66, else 4. */
  | 'z'
  /** Operand size: 2 with 66, 8 with W, else 4. */
  | 'v'
  /** Address size: 4 with 67, else 8. */
  | 'address';

/** What follows an opcode byte, in this order. */
export interface OperandForm {
  /**
   * There is a ModRM byte. `memory`: SIB and displacement follow as it says; `register`: its mod field is ignored and
   * nothing follows; a number: it must have this value.
   */
  readonly modrm?: 'memory' | 'register' | number;
  /** Absolute address without ModRM (the manuals' moffs). */
  readonly displacement?: FieldSize;
  readonly immediate?: FieldSize;
  /** Distance from the end of the instruction to where it jumps. */
  readonly branch?: FieldSize;
}

/**
 * Operand forms under the names of opcode tables: M for ModRM, I and J for immediate and jump with the size letters b,
 * w, d, q, z and v of the Intel SDM, volume 2, appendix A.2.
 */
export const operandForms = {
  '-': {},
  M: { modrm: 'memory' },
  /** Control and debug registers: MOV takes mod for 3, whatever it is. */
  R: { modrm: 'register' },
  O: { displacement: 'address' },

  Ib: { immediate: 1 },
  Iw: { immediate: 2 },
  /** ENTER: two immediates, given as one field. */
  IwIb: { immediate: 3 },
  Iz: { immediate: 'z' },
  Iv: { immediate: 'v' },
  Iq: { immediate: 8 },
  MIb: { modrm: 'memory', immediate: 1 },
  /** EXTRQ and INSERTQ: two immediates, given as one field. */
  MIbIb: { modrm: 'memory', immediate: 2 },
  MIz: { modrm: 'memory', immediate: 'z' },
  MId: { modrm: 'memory', immediate: 4 },

  Jb: { branch: 1 },
  /** Near branches: Intel CPUs and the kernel's insn_get_immediate() ignore 66; AMD CPUs would read 2 bytes. */
  Jd: { branch: 4 },
  /** XABORT and XBEGIN stand in a group, with one ModRM byte each. */
  F8Ib: { modrm: 0xf8, immediate: 1 },
  F8Jz: { modrm: 0xf8, branch: 'z' },
} as const satisfies Readonly<Record<string, OperandForm>>;

/** Name of an operand form. */
export type FormName = keyof typeof operandForms;

/** Whether a cell of an opcode table names an operand form. */
export function isFormName(cell: string): cell is FormName {
  return Object.hasOwn(operandForms, cell);
}
