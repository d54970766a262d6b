/** The places at which pages of lists go on. */
import type { After } from './uses-store.ts'
import { refused } from './who-acts.ts'

const PLACE = /^(\d{4}-\d{2}-\d{2}T[\d:.]{12}Z) ([0-9a-zA-Z-]{1,64})$/

export function placeAfter({ at, id }: After): string {
  return Buffer.from(`${at} ${id}`).toString('base64url')
}

/** Throws `invalid_request`. */
export function placeIn(cursor: string | undefined): After | undefined {
  if (cursor === undefined) return undefined
  const [, at, id] = PLACE.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? []
  if (at === undefined || id === undefined) throw refused('cursor is the next of a page before')
  return { at, id }
}
