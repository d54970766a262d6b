/**
 * Choices that look arbitrary and are the same for the same seed, within a budget: what is made with them
 * ends.
 */
import { hash } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import type { Half, Json } from './translate-schemas.ts'

export type Choices = {
  /** A whole number from 0 to `below` - 1. */
  choose(below: number): number
  /** Counts steps, or characters. Throws `answer_not_makeable` when the budget is used up. */
  spend(amount: number, at: string): void
}

/** What data is made of and for: the document with its minor version (3.x), and the half of an exchange. */
export type Making = { document: Json; minor: number; half: Half; choices: Choices }

const BUDGET = 200_000

export function createChoices(seed: string): Choices {
  let state = hash('sha256', seed, 'buffer').readUInt32LE(0)
  let left = BUDGET
  return {
    // Mulberry32: a few lines, and equal on every machine.
    choose: (below) => {
      state = (state + 0x6d2b79f5) | 0
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
    },
    spend: (amount, at) => {
      left -= amount
      if (left < 0) throw cannotMake(at, 'it would be too large')
    },
  }
}

/** No value can be made by the schema at this place; `why` names no value. */
export function cannotMake(at: string, why: string): Fault {
  return new Fault('answer_not_makeable', { what: `#${at}: ${why}`.slice(0, 500).toWellFormed() })
}
