/**
 * Keeps a declaration as a revision at the server, then applies it, and says at the server how that ended.
 */
import { createHash } from 'node:crypto'
import type { ManagementApi } from '../client.ts'
import { CommandError } from '../command-error.ts'
import type { Command } from '../commands.ts'
import { apply, describePlan, possibleNow } from './apply.ts'
import { readingOf, unless } from './calls.ts'
import { firstRemovals } from './first-removals.ts'
import type { DeclaredKind, Looked } from './kind.ts'
import type { Revision } from './revisions.ts'
import { stopsBySignal } from './stops-by-signal.ts'
import { say } from './words.ts'

export type Act = {
  sequence: number
  at: string
  caller: { name: string }
  operation: string
  target: string
}

/** What `addRevision` takes, with room for the other fields. */
const MOST_CHARACTERS = 8_388_608
const MOST_BYTES = 12_500_000

/** Exit code 3 when some steps wait. Throws a CommandError. */
export async function applyKept<D>(
  kind: DeclaredKind<D>,
  q: {
    api: ManagementApi
    commands: Command[]
    declared: D
    content: string
    reason: string | undefined
    removes: boolean
    restores?: number
  },
): Promise<number> {
  const { api, commands, declared, content, reason, removes, restores } = q
  if (reason === undefined)
    throw new CommandError(2, `--why is missing: the history of the ${kind.program} holds it`)
  const tooLarge = whyTooLarge(content)
  if (tooLarge !== undefined) throw new CommandError(2, tooLarge)
  const sha256 = sha256Of(content)
  const asFirst = firstRemovals()
  const look = async (): Promise<Looked> => {
    const looked = await kind.look(api, declared, { removes })
    return { ...looked, plan: asFirst(looked.plan) }
  }
  const [newest] = await readingOf(api).get<Revision[]>('/revisions?limit=1')
  const first = await look()
  // Equal content of which nothing can be done now is kept already.
  const { plan, proposed } = first
  const state = plan.steps.length === 0 ? 'applied' : 'waiting'
  const isKept = newest?.sha256 === sha256 && newest.state === state
  if (isKept && possibleNow(plan.steps, proposed).length === 0 && !(await hasDrift(api))) {
    for (const line of describePlan({ ...plan, differences: [], undeclared: [] }, proposed)) say(line)
    say(`0 done, ${plan.steps.length} waiting`)
    return plan.steps.length === 0 ? 0 : 3
  }
  const { number } = await sendJson<Revision>(api, 'POST', '/revisions', {
    ...{ content, sha256, reason, ...(kind.canRemove ? { removes } : {}) },
    ...(restores === undefined ? {} : { restores }),
  })
  const end = (body: object) => sendJson(api, 'PUT', `/revisions/${number}/end`, body)
  const stop = stopsBySignal((failure) => end({ failure }))
  let ended: { done: number; waiting: number }
  try {
    ended = await apply({ api: stop.through(api), commands, look, reason, revision: number, say })
  } catch (error) {
    // What was refused is more than that its end could not be kept.
    await end({ failure: failureOf(error) }).catch(() => undefined)
    throw error
  } finally {
    stop.off()
  }
  await end(ended).catch((cause: Error) => {
    const { done, waiting } = ended
    const command = `concordat ${kind.program} end-revision ${number} --done ${done} --waiting ${waiting}`
    throw new CommandError(
      1,
      `all is done, but not its end kept (${cause.message}): say it by ${command}`,
      cause,
    )
  })
  await sayLacking(kind, api, declared)
  say(`${ended.done} done, ${ended.waiting} waiting, revision ${number}`)
  return ended.waiting === 0 ? 0 : 3
}

/**
 * For people who read the history, for good: of addresses only whose they are, since a webhook's can hold a
 * secret.
 */
export function failureOf(error: unknown): string {
  const { message } = error as Error
  return message
    .replace(/(https?:\/\/[^\s/?#]*)\S*/g, (_, origin: string) => origin.replace(/\/\/.*@/, '//'))
    .slice(0, 2000)
}

/** Undefined when the server takes it. */
export function whyTooLarge(content: string): string | undefined {
  if (content.length <= MOST_CHARACTERS && Buffer.byteLength(JSON.stringify(content)) <= MOST_BYTES)
    return undefined
  return `the content has ${content.length} characters, and a server keeps ${MOST_CHARACTERS} at most, in JSON ${MOST_BYTES} bytes: divide the file, and apply one after the other`
}

/**
 * Whether acts since the newest revision have to be answered for by a new one, as far as the roles of the key
 * show it.
 */
async function hasDrift(api: ManagementApi): Promise<boolean> {
  const drift = await unless(403, readingOf(api).get<{ acts: Act[] }>('/drift'))
  return drift !== undefined && drift.acts.length > 0
}

export function sha256Of(content: string): string {
  return createHash('sha256').update(content).digest('hex')
}

/** Says what no file can bring. */
export async function sayLacking<D>(kind: DeclaredKind<D>, api: ManagementApi, declared: D): Promise<void> {
  for (const one of await kind.lackingAt(api, declared)) say(`lacks     ${one}`)
}

async function sendJson<T>(api: ManagementApi, method: string, path: string, body: object): Promise<T> {
  const { bytes } = await api.send({
    ...{ method, url: `/api/v1${path}`, headers: { 'content-type': 'application/json' } },
    body: Buffer.from(JSON.stringify(body)),
  })
  return JSON.parse(bytes.toString('utf8')) as T
}
