import type { Question } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { KernelVotes, Votes } from '../src/votes.ts';

const asking = { answer: 'off', given: false, init: false };

const question: Question = {
  kind: 'feature',
  id: 'X',
  address: 0x1000n,
  candidates: [
    { answer: 'off', bytes: Uint8Array.of(1, 2, 3, 4) },
    { answer: 'on', bytes: Uint8Array.of(5, 6, 7, 8) },
  ],
};

/** Votes of places with bytes. */
function votesOf(places: readonly (readonly number[])[], more: Partial<Question> = {}): Votes {
  const votes = new Votes();
  for (const bytes of places) votes.count({ ...question, ...more }, asking, () => Uint8Array.from(bytes));
  return votes;
}

function verdict(...votes: readonly Votes[]): unknown {
  const all = new KernelVotes();
  for (const one of votes) all.add(one);
  return all.verdict('feature X');
}

describe('the places of a question', () => {
  test('the most of them decide', () => {
    expect(verdict(votesOf([[1, 2, 3, 4]]), votesOf([[5, 6, 7, 8]]), votesOf([[5, 6, 7, 8]]))).toEqual({
      answer: 'on',
      agreeing: 2,
      disagreeing: 1,
    });
  });

  test('without any that says something there is no answer', () => {
    expect(verdict(votesOf([[9, 9, 9, 9]]))).toBeUndefined();
    expect(verdict()).toBeUndefined();
  });

  test('one with a byte that differs counts where no other says anything', () => {
    const [near, far] = [votesOf([[5, 6, 9, 8]]), votesOf([[5, 9, 9, 8]])];
    expect(verdict(near)).toEqual({ answer: 'on', agreeing: 1, disagreeing: 0 });
    expect(verdict(far)).toBeUndefined();
    expect(verdict(near, near, votesOf([[1, 2, 3, 4]]))).toEqual({
      answer: 'off',
      agreeing: 1,
      disagreeing: 0,
    });
  });

  test('one like two answers says nothing, nor does a single byte that is neither', () => {
    const like = [
      { answer: 'off', bytes: Uint8Array.of(1, 2) },
      { answer: 'on', bytes: Uint8Array.of(1, 3) },
    ];
    expect(verdict(votesOf([[1, 4]], { candidates: like }))).toBeUndefined();
    expect(
      verdict(votesOf([[4]], { candidates: [{ answer: 'off', bytes: Uint8Array.of(1) }] })),
    ).toBeUndefined();
  });

  test('votes that are taken back do not count', () => {
    const all = new KernelVotes();
    const [first, second] = [votesOf([[1, 2, 3, 4]]), votesOf([[5, 6, 7, 8]])];
    all.add(first);
    all.add(second);
    all.remove(first);
    expect(all.verdict('feature X')).toEqual({ answer: 'on', agreeing: 1, disagreeing: 0 });
  });
});
