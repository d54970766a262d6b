/** Witnesses for auditors: which witness cosigned which checkpoint, and contradictions between them. */
import type { Handlers } from '#platform/http-service/openapi.ts'
import type { Needs } from './needs.ts'

const LISTED = 1000
/** Few, because each may be as large as a submission. */
const PROOFS = 50

export function witnessHandlers({ messageLog, witnessRoom }: Needs): Handlers {
  return {
    getLogWitnesses: async () => ({
      policy: witnessRoom.policyText ?? null,
      quorum: witnessRoom.witnesses?.witnessed() ?? null,
      witnesses: witnessRoom.witnesses?.state() ?? [],
      contradictions: (await messageLog.witnesses.contradictions()).map((one) => ({
        time: one.time,
        witness: one.witness,
        kind: one.kind,
        ownCheckpoint: one.own_note,
        knownCheckpoint: one.known_note === '' ? null : one.known_note,
      })),
    }),
    async getCheckpoints({ query }) {
      const { before = Number.MAX_SAFE_INTEGER, limit } = query as { before?: number; limit: number }
      const rows = await messageLog.witnesses.checkpoints({ before, limit })
      const checkpoints = rows.map((row) => ({
        ...row,
        quorum: witnessRoom.hasQuorum(row.witnesses.map(({ witness }) => witness)) ?? false,
      }))
      return { checkpoints, unwitnessed: unwitnessedSpans(checkpoints) }
    },
    async getWitness() {
      const { store, partners } = witnessRoom
      return {
        verifierKey: witnessRoom.witness?.verifierKey ?? null,
        registryLog: (await witnessRoom.registryLog?.state()) ?? null,
        logs: (await store.logs(LISTED)).map(({ root, ...log }) => ({
          ...log,
          root: root.toString('base64'),
        })),
        refusals: (await store.refusals(PROOFS)).map((row) => ({
          origin: row.origin,
          time: row.time,
          isFork: row.is_fork === 1,
          cosigned: row.known_note,
          submission: row.submission.toString('utf8'),
        })),
        partners: (await partners.heads()).map(({ server, size, time, note }) => ({
          server,
          size,
          time,
          note,
        })),
        unproven: partners.unproven(),
        partnerContradictions: (await partners.contradictions()).slice(0, PROOFS).map((one) => ({
          server: one.server,
          time: one.time,
          kind: one.kind,
          knownCheckpoint: one.known_note,
          seenCheckpoint: one.seen_note,
        })),
      }
    },
  }
}

/** Runs of consecutive checkpoints that no quorum cosigned, newest first, with their sizes and times. */
function unwitnessedSpans(checkpoints: { size: number; time: string; quorum: boolean }[]) {
  const spans: { fromSize: number; toSize: number; since: string; until: string }[] = []
  let open: (typeof spans)[number] | undefined
  for (const { size, time, quorum } of checkpoints) {
    if (quorum) open = undefined
    else if (open === undefined) {
      open = { fromSize: size, toSize: size, since: time, until: time }
      spans.push(open)
    } else Object.assign(open, { fromSize: size, since: time })
  }
  return spans
}
