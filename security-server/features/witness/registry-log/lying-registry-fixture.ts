/** For tests only: a registry whose log can lie. */
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { parseVerifierKey } from '#core/merkle/verifier-key.ts'
import { createTestLog } from '#platform/witness/witness-fixture.ts'
import type { RegistryLog } from '../../../global-configuration/registry-log.ts'

export const ORIGIN = 'registry.example/log'
export const PATH = '/registration/v1/log-cosignatures'

export const CONTRADICTIONS_PATH = '/registration/v1/log-contradictions'

/** A registry in memory that can lie. */
export function lyingRegistry() {
  const log = createTestLog(ORIGIN)
  const told: number[] = []
  /** Sizes of the checkpoints of which it was told that they contradict its log. */
  const contradicted: number[] = []
  const shown = {
    ...{ size: 10, history: 'one', configurationSize: 10, configuration: 'one', origin: ORIGIN },
    isNamed: true,
  }
  let fails = false
  const registryLog = async (): Promise<RegistryLog | undefined> => {
    if (!shown.isNamed) return undefined
    const headNote = parseCheckpoint(log.checkpoint(shown.configurationSize, shown.configuration))
    return {
      ...{ origin: shown.origin, keys: [parseVerifierKey(log.verifierKey, 'log')] },
      head: {
        ...{ instance: 'DEV', index: 1, size: headNote.size },
        root: headNote.root.toString('base64'),
      },
      headText: `signed head of ${shown.configurationSize}`,
      submission: (from) => log.submission(from, shown.size, shown.history),
      consistency: (first, second) => log.consistency(first, second, shown.configuration),
    }
  }
  const post = async (at: string, body: string | Buffer): Promise<Buffer> => {
    if (fails) throw new Error('the registry is away')
    const payload = (JSON.parse(body.toString()) as { payload: string }).payload
    const document = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
      size?: number
      checkpoint?: string
    }
    if (at === PATH && document.size !== undefined) told.push(document.size)
    else if (at === CONTRADICTIONS_PATH) contradicted.push(parseCheckpoint(document.checkpoint ?? '').size)
    else throw new Error(`it was told at ${at}`)
    return Buffer.from('{}')
  }
  const fail = (now: boolean): void => {
    fails = now
  }
  return { log, shown, told, contradicted, registryLog, post, fail }
}
