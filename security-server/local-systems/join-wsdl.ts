/**
 * Fetches what a WSDL document imports and includes from its own origin, within bounds, and makes one
 * document of all. What stays outside is said, with the reason, and refuses nothing: many documents name
 * schemas that nobody needs.
 */
import { hash } from 'node:crypto'
import type { LeftOut } from '#core/wsdl/collect-pieces.ts'
import { MAX_BYTES, refused } from '#core/wsdl/elements.ts'
import type { FoundPart, JoinAnswer, JoinQuestion } from '#core/wsdl/join-documents.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { askThread } from '#platform/threads/ask-thread.ts'
import { Fault } from '#schemas/fault.ts'

/** A document that is part of another. */
export type DocumentPart = { url: string; sha256: string }

/** A document as it was made of what was fetched. */
export type FetchedDocument = { document: string; parts: DocumentPart[]; warnings: string[] }

type FetchPart = (url: string, signal: AbortSignal) => Promise<string>
type Bounds = { parts: number; levels: number; timeMs: number }

const BOUNDS: Bounds = { parts: 100, levels: 10, timeMs: 30_000 }
const READING = { timeMs: 60_000, oldGenerationMb: 512 }
const MAX_NAMED = 5
const MAX_LOCATION = 200
/** Most documents refer to none, and need no thread. */
const REFERS = /<(?:[^\s<>/:]{1,100}:)?(?:import|include|redefine)[\s/>]/
const { run: inPlace } = createPlaces(1)

/** Throws `invalid_input` for a document that cannot be read. */
export async function joinWsdl(
  address: string,
  document: string,
  fetchPart: FetchPart,
  bounds: Bounds = BOUNDS,
): Promise<FetchedDocument> {
  if (Buffer.byteLength(document) > MAX_BYTES || !REFERS.test(document))
    return { document, parts: [], warnings: [] }
  const found = new Map<string, FoundPart>()
  // Of fetching alone: joins wait for each other.
  let leftMs = bounds.timeMs
  const tooSlow = { why: `fetching took longer than ${bounds.timeMs / 1000} s` }
  let bytes = Buffer.byteLength(document)

  async function find(url: string, level: number): Promise<FoundPart> {
    if (level >= bounds.levels) return { why: `it is more than ${bounds.levels} imports away` }
    if (found.size >= bounds.parts) return { why: `more than ${bounds.parts} documents are imported` }
    if (bytes > MAX_BYTES) return { why: 'what is imported is larger than 2 MiB' }
    if (leftMs <= 0) return tooSlow
    const signal = AbortSignal.timeout(Math.ceil(leftMs))
    const began = performance.now()
    try {
      const text = await fetchPart(url, signal)
      bytes += Buffer.byteLength(text)
      return bytes > MAX_BYTES ? { why: 'what is imported is larger than 2 MiB' } : { text }
    } catch (thrown) {
      if (signal.aborted) return tooSlow
      if (thrown instanceof Fault) return { why: thrown.what ?? thrown.message }
      throw thrown
    } finally {
      leftMs -= performance.now() - began
    }
  }

  for (let level = 0; ; level++) {
    const answer = await ask({ address, text: document, found })
    if (!('wanted' in answer)) {
      const parts = answer.parts.map((url) => ({ url, sha256: digestOf(found.get(url)!) }))
      return { document: answer.text, parts, warnings: warningsOf(answer.leftOut) }
    }
    for (const url of answer.wanted) found.set(url, await find(url, level))
  }
}

async function ask(question: JoinQuestion): Promise<JoinAnswer> {
  const script = new URL('./join-worker.ts', import.meta.url)
  const answer = inPlace(() => askThread({ script, question, limits: READING, refuse: refused }))
  return (await answer) as JoinAnswer
}

function digestOf(part: FoundPart): string {
  return hash('sha256', 'text' in part ? part.text : '')
}

function warningsOf(leftOut: LeftOut[]): string[] {
  const named = leftOut
    .slice(0, MAX_NAMED)
    .map(({ location, why }) => `${location.slice(0, MAX_LOCATION).toWellFormed()} is not fetched: ${why}`)
  const more = leftOut.length - named.length
  return more > 0 ? [...named, `and so are ${more} more`] : named
}
