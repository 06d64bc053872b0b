import { KelpError } from '@kelp/core';

/** What a piece of C text is. A directive is a whole preprocessor line with its continuation lines, without comments. */
type TokenKind = 'word' | 'number' | 'string' | 'character' | 'operator' | 'directive';

/** A piece of C text. */
export interface Token {
  readonly kind: TokenKind;
  /** As written; of strings the content without quotes, escapes as written. */
  readonly text: string;
  /** Line of its first character, from 1. */
  readonly line: number;
  /** Column of its first character, from 1. */
  readonly column: number;
  /** Line of its last character. */
  readonly endLine: number;
}

const word = /[A-Za-z_$][\w$]*/y;
const number = /\.?\d(?:[eEpP][+-]|[\w.])*/y;
const operator = /\.\.\.|<<=|>>=|->|\+\+|--|<<|>>|[<>=!+\-*/%&|^]=|&&|\|\||##|./suy;
const blank = /(?:[ \t\r\f\v]|\\\r?\n)+/y;

/**
 * Split C text into tokens; comments and blanks are left out, strings and preprocessor lines are one token each.
 *
 * @throws KelpError `source/truncated` where the text ends within a comment, a string or a character constant.
 */
export function tokenize(text: string, file?: string): readonly Token[] {
  return new Tokenizer(text, file).run();
}

class Tokenizer {
  readonly #text: string;
  readonly #file: string | undefined;
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;
  #lineStart = 0;
  /** Nothing but blanks and comments stands before the current place on its line. */
  #fresh = true;

  constructor(text: string, file: string | undefined) {
    this.#text = text;
    this.#file = file;
  }

  run(): readonly Token[] {
    while (this.#at < this.#text.length) this.#step();
    return this.#tokens;
  }

  #step(): void {
    const next = this.#text.charAt(this.#at);
    if (next === '\n') {
      this.#advance(1);
      this.#fresh = true;
    } else if (this.#comment()) return;
    else if (this.#matches(blank) !== undefined) this.#advance(blank.lastIndex - this.#at);
    else if (next === '#' && this.#fresh) this.#directive();
    else {
      this.#fresh = false;
      if (next === '"' || next === "'") this.#quoted(next);
      else this.#plain();
    }
  }

  #plain(): void {
    const kinds = [
      ['word', word],
      ['number', number],
      ['operator', operator],
    ] as const;
    for (const [kind, pattern] of kinds) {
      const text = this.#matches(pattern);
      if (text !== undefined) return this.#push(kind, text, text.length);
    }
  }

  /** The text that a sticky pattern matches here. */
  #matches(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0];
  }

  /** Skip a comment. A line comment goes on where its line ends in a backslash. */
  #comment(): boolean {
    if (this.#text.startsWith('/*', this.#at)) {
      const end = this.#text.indexOf('*/', this.#at + 2);
      if (end < 0) throw this.#truncated('a comment');
      this.#advance(end + 2 - this.#at);
      return true;
    }
    if (!this.#text.startsWith('//', this.#at)) return false;
    this.#advance(this.#logicalEnd(this.#at) - this.#at);
    return true;
  }

  /** Where the line ends that holds an offset; a backslash at its end joins the next line. */
  #logicalEnd(from: number): number {
    for (let end = this.#text.indexOf('\n', from); end >= 0; end = this.#text.indexOf('\n', end + 1)) {
      if (!/\\\r?$/u.test(this.#text.slice(Math.max(from, end - 2), end))) return end;
    }
    return this.#text.length;
  }

  #quoted(quote: string): void {
    for (let end = this.#at + 1; end < this.#text.length; end++) {
      const here = this.#text.charAt(end);
      if (here === '\\') end++;
      else if (here === '\n') break;
      else if (here === quote) {
        const content = this.#text.slice(this.#at + 1, end);
        return this.#push(quote === '"' ? 'string' : 'character', content, end + 1 - this.#at);
      }
    }
    throw this.#truncated(quote === '"' ? 'a string' : 'a character constant');
  }

  /** A preprocessor line. A comment in it may span lines, which then belong to it. */
  #directive(): void {
    let content = '';
    let at = this.#at;
    for (;;) {
      const end = this.#logicalEnd(at);
      const comment = /\/[*/]/u.exec(this.#text.slice(at, end));
      const stop = comment === null ? end : at + comment.index;
      content += this.#text.slice(at, stop);
      at = stop;
      if (comment === null) break;
      if (comment[0] === '//') {
        at = end;
        break;
      }
      const close = this.#text.indexOf('*/', at + 2);
      if (close < 0) throw this.#truncated('a comment');
      content += ' ';
      at = close + 2;
    }
    this.#push(
      'directive',
      content
        .replace(/\\\r?\n/gu, ' ')
        .replace(/\s+/gu, ' ')
        .trim(),
      at - this.#at,
    );
  }

  #push(kind: TokenKind, text: string, length: number): void {
    const { line, column } = { line: this.#line, column: this.#at - this.#lineStart + 1 };
    this.#advance(length);
    this.#tokens.push({ kind, text, line, column, endLine: this.#line });
  }

  #advance(length: number): void {
    const end = this.#at + length;
    for (
      let at = this.#text.indexOf('\n', this.#at);
      at >= 0 && at < end;
      at = this.#text.indexOf('\n', at + 1)
    ) {
      this.#line++;
      this.#lineStart = at + 1;
    }
    this.#at = end;
  }

  #truncated(what: string): KelpError {
    return new KelpError('source/truncated', `line ${this.#line}: the file ends within ${what}`, {
      file: this.#file,
      offset: this.#at,
    });
  }
}
