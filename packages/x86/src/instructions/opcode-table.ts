import { KelpError } from '@kelp/core';
import { isFormName, operandForms, type FormName, type OperandForm } from './operand-forms.ts';

// Opcode tables are written as text, 16 rows of 16 cells, the way the manuals print them.

/** An opcode table, looked up by opcode, mandatory prefix and ModRM. */
export interface OpcodeTable {
  /**
   * What follows an opcode, or undefined where it is not assigned.
   *
   * @param prefix - mandatory prefix as the pp field of VEX numbers it: 0 none, 1 66, 2 F3, 3 F2.
   * @param modrm - the byte behind the opcode, if there is one; it chooses the member of a group.
   */
  form(opcode: number, prefix: number, modrm: number | undefined): OperandForm | undefined;
}

/** An opcode table as data. */
export interface OpcodeTableText {
  /** Operand forms: a grid, or one form for all. `.` stands for opcodes that are not assigned in 64-bit mode. */
  readonly forms: string;
  /**
   * A grid of hexadecimal digits: the prefixes with which an opcode is assigned, as a sum of 1 none, 2 66, 4 F3,
   * 8 F2. Absent: prefixes do not matter.
   */
  readonly prefixes?: string;
  /** Groups, one a row: opcode, then the operand forms for ModRM.reg 0 to 7. They replace the form of the grid. */
  readonly groups?: string;
  readonly exceptions?: readonly OpcodeException[];
}

/** Opcodes with another form than the grid's; of several that match, the first counts. */
interface OpcodeException {
  readonly opcodes: readonly number[];
  /** Mandatory prefixes, added up as in a grid; absent: all. */
  readonly prefixes?: number;
  readonly form: FormName | '.';
}

const anyPrefix = 0xf;

/** Cells without an operand form: not assigned in 64-bit mode, or read before the opcode. */
const noForm: ReadonlySet<string> = new Set(['.', 'pfx', 'rex', 'rex2', 'vex', 'evex', 'esc']);

/**
 * Compile an opcode table.
 *
 * @throws KelpError `x86/opcode-table` for a grid of another shape or a cell that is no form.
 */
export function opcodeTable(text: OpcodeTableText): OpcodeTable {
  const forms = isFormName(text.forms) ? uniform(text.forms) : parseGrid(text.forms);
  const prefixes = text.prefixes === undefined ? uniform('f') : parseGrid(text.prefixes);
  const groups = parseGroups(text.groups ?? '');
  const cells = Array.from({ length: 4 * 256 }, (_, index) => {
    const opcode = index & 0xff;
    const prefix = 1 << (index >> 8);
    const assigned = Number.parseInt(cellAt(prefixes, opcode).replace('.', '0'), 16);
    if ((assigned & prefix) === 0) return undefined;
    const exception = text.exceptions?.find(
      (one) => one.opcodes.includes(opcode) && ((one.prefixes ?? anyPrefix) & prefix) !== 0,
    );
    return formOf(exception?.form ?? cellAt(forms, opcode));
  });
  return {
    form(opcode, prefix, modrm) {
      const form = cells[prefix * 256 + opcode];
      const group = form === undefined ? undefined : groups.get(opcode);
      if (group === undefined) return form;
      return modrm === undefined ? undefined : group[(modrm >> 3) & 7];
    },
  };
}

/** 256 cells from rows of 16, each with its first digit in front. The head row is not read; a row left out is all `.`. */
function parseGrid(text: string): readonly string[] {
  const cells = Array.from({ length: 256 }, () => '.');
  for (const [digit = '', ...row] of tokens(text).slice(1)) {
    if (!/^[\da-f]$/u.test(digit) || row.length !== 16) {
      throw new KelpError(
        'x86/opcode-table',
        `row ${JSON.stringify(digit)} of an opcode table has ${row.length} cells`,
      );
    }
    cells.splice(Number.parseInt(digit, 16) * 16, 16, ...row);
  }
  return cells;
}

function parseGroups(text: string): ReadonlyMap<number, readonly (OperandForm | undefined)[]> {
  const rows = tokens(text).slice(1);
  const groups = new Map<number, readonly (OperandForm | undefined)[]>();
  for (const [opcode = '', ...cells] of rows) {
    if (cells.length !== 8) {
      throw new KelpError(
        'x86/opcode-table',
        `group ${JSON.stringify(opcode)} of an opcode table has ${cells.length} cells`,
      );
    }
    groups.set(Number.parseInt(opcode, 16), cells.map(formOf));
  }
  return groups;
}

function tokens(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/u))
    .filter(([first]) => first !== '');
}

function formOf(cell: string): OperandForm | undefined {
  if (noForm.has(cell)) return undefined;
  if (isFormName(cell)) return operandForms[cell];
  throw new KelpError('x86/opcode-table', `${JSON.stringify(cell)} in an opcode table is no operand form`);
}

function cellAt(cells: readonly string[], opcode: number): string {
  return cells[opcode] ?? '.';
}

function uniform(cell: string): readonly string[] {
  return Array.from({ length: 256 }, () => cell);
}
