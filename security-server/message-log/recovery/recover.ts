/**
 * After a crash or a failure of the log: closes every open request of this node, and of the nodes that it
 * replaced, with a record "outcome unknown", unless it is still under way. The scan starts at stored marks
 * below which these nodes have nothing open, and reads leaf forms only.
 */
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { ownRecord } from '../formats/own-record.ts'
import type { KeyFinder, OpenedRecord } from '../records/open-record.ts'
import { openRecord } from '../records/open-record.ts'
import type { RecordStore } from '../records/store.ts'
import type { OwnRecord, Writer } from '../records/writer.ts'

const PAGE = 1000

type OpenIntent = { idx: number; leaf: Buffer; form: LeafFields; opened: OpenedRecord | undefined }

export function lowWaterMark(node: string): string {
  return `low-water:${node}`
}

type IntentScan = {
  /** Reads on, up to this size of the tree. */
  to(size: number): Promise<void>
  /** Requests of these nodes that no record answers, as far as was read, oldest first. */
  open(): Promise<OpenIntent[]>
  /** Moves the marks of the former nodes: they have nothing open below what was read. */
  moveFormerMarks(): Promise<void>
}

/** Reads from the lowest of the nodes' low-water marks on; most of it may be read while others append. */
export function scanIntents(q: {
  records: RecordStore
  node: string
  formerNodes: string[]
  findKey: KeyFinder
}): IntentScan {
  const nodes = new Set([q.node, ...q.formerNodes])
  const unanswered = new Map<string, { idx: number; leaf: Buffer; form: LeafFields }>()
  let next: number | undefined
  const lowest = async (): Promise<number> => {
    // A former node without a mark never wrote to this log. This node has a mark since its start.
    const marks = await Promise.all([...nodes].map((node) => q.records.mark(lowWaterMark(node))))
    const known = marks.filter((mark) => mark !== undefined)
    return known.length === 0 ? 0 : Math.min(...known)
  }
  return {
    async to(size) {
      next ??= await lowest()
      while (next < size) {
        const page: { idx: number; leaf: Buffer; form: string }[] = await q.records.forms(next, PAGE)
        // A page may contain records that were appended meanwhile.
        const rows = page.filter(({ idx }) => idx < size)
        for (const row of rows) {
          const form = JSON.parse(row.form) as LeafFields
          if (form.kind === 'request') unanswered.set(row.leaf.toString('base64'), { ...row, form })
          if (form.answers !== '') unanswered.delete(form.answers)
        }
        const last = rows.at(-1)
        if (last === undefined) break
        next = last.idx + 1
      }
    },
    async open() {
      const intents: OpenIntent[] = []
      const [newest] = (await q.records.logKeys()).slice(-1)
      // Another node has just rotated it, and this one was cut off meanwhile: the key is on its way.
      const isAwaited = newest !== undefined && q.findKey(newest.id) === undefined
      for (const { idx, leaf, form } of unanswered.values()) {
        const opened = openRecord(await q.records.get(idx), q.findKey)
        // Another node may still work on its own requests. A request whose key is gone cannot be attributed
        // to a node, and nobody else will close it.
        if (opened === undefined && isAwaited && idx >= newest.idx) continue
        if (opened === undefined || nodes.has(opened.metadata.node)) intents.push({ idx, leaf, form, opened })
      }
      return intents
    },
    async moveFormerMarks() {
      for (const former of q.formerNodes) await q.records.setMark(lowWaterMark(former), next ?? 0)
    },
  }
}

/**
 * Closes requests that are open on disk and known neither to `writer` nor in `underWay`; no append may run
 * meanwhile. Resolves to their number and to the other open requests. The writer then knows exactly these,
 * including those that an earlier worker of this process wrote.
 */
export async function closeAbandoned(q: {
  /** Must have read up to the head. */
  scan: IntentScan
  writer: Writer
  node: string
  underWay: number[]
  now: number
}): Promise<{ closed: number; open: number[] }> {
  const intents = await q.scan.open()
  const known = new Set([...q.writer.open.keys(), ...q.underWay])
  const open = intents.filter(({ idx }) => known.has(idx))
  const abandoned = intents.filter(({ idx }) => !known.has(idx))
  q.writer.open.clear()
  for (const { idx, leaf } of open) q.writer.open.set(idx, leaf)
  if (abandoned.length > 0) {
    await q.writer.append(abandoned.map((intent) => outcomeUnknown(intent, q.now, q.node)))
  }
  return { closed: abandoned.length, open: open.map(({ idx }) => idx) }
}

/** The record that closes an intent. */
function outcomeUnknown(intent: OpenIntent, time: number, node: string): OwnRecord {
  const metadata = intent.opened?.metadata ?? { id: '', node, requestId: '' }
  return {
    packed: ownRecord({
      kind: 'outcome-unknown',
      direction: intent.form.direction,
      time,
      metadata: { ...metadata, answers: intent.idx, node },
      answers: intent.idx,
      logLevel: intent.form.logLevel,
      contract: intent.form.contract,
    }),
  }
}
