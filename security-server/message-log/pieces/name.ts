/** Names of bodies that lie in the database: neither that of a file nor a place in a segment. */
import { randomBytes } from 'node:crypto'

const NAME = /^rows\.[0-9a-f]{32}$/

export function newPieceName(): string {
  return `rows.${randomBytes(16).toString('hex')}`
}

export function isInPieces(name: string): boolean {
  return NAME.test(name)
}
