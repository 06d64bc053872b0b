/** A stable error code: an area, a slash, and what is wrong, both in kebab-case. */
export type ErrorCode = `${string}/${string}`;

/** Where an error was found; every part is absent where it is not known. */
export interface ErrorPlace {
  /** The file as the caller named it. Untrusted: escape it before it is printed. */
  readonly file?: string | undefined;
  /** Section name or `[index]` as the file gives it. Untrusted: escape it before it is printed. */
  readonly section?: string | undefined;
  /** Byte offset from the start of the file, or of the section where `section` is given. */
  readonly offset?: number | undefined;
}

/**
 * Bytes or arguments that Kelp cannot work with.
 *
 * Tell errors apart by `code`, never by class: two copies of this package may be installed side by side.
 */
export class KelpError extends Error {
  override readonly name = 'KelpError';
  readonly code: ErrorCode;
  readonly file: string | undefined;
  readonly section: string | undefined;
  readonly offset: number | undefined;

  constructor(code: ErrorCode, message: string, place: ErrorPlace = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.file = place.file;
    this.section = place.section;
    this.offset = place.offset;
  }
}

/** Whether a caught value is a {@link KelpError}, of this copy of the package or of another. */
export function isKelpError(value: unknown): value is KelpError {
  return (
    value instanceof Error && value.name === 'KelpError' && 'code' in value && typeof value.code === 'string'
  );
}
