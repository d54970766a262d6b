/**
 * `plan`, `apply`, `declare`, `drift` and `restore` of a declared file. What is applied is kept by the server as a revision first, so that nothing
 * is changed by a file that nobody can show afterwards.
 */
import { createHash } from 'node:crypto'
import type { ManagementApi } from '../client.ts'
import { CommandError } from '../command-error.ts'
import type { More } from '../run-management.ts'
import { apply, describePlan, possibleNow } from './apply.ts'
import { readingOf, unless } from './calls.ts'
import { firstRemovals } from './first-removals.ts'
import type { DeclaredKind, Looked } from './kind.ts'
import { appliedParts, type Revision, readRevision } from './revisions.ts'
import { say, wordsOf } from './words.ts'

type Act = { sequence: number; at: string; caller: { name: string }; operation: string; target: string }
type Run = More['run']

/** The commands for the files of this kind. */
export function fileCommands<D>(
  kind: DeclaredKind<D>,
): Record<'plan' | 'apply' | 'declare' | 'drift' | 'restore', Run> {
  return {
    plan: (q) => plan(kind, q),
    apply: (q) => applyFile(kind, q),
    declare: (q) => declare(kind, q),
    drift: (q) => drift(kind, q),
    restore: (q) => restore(kind, q),
  }
}

type Asked = Parameters<Run>[0]

/** Prints the steps that are to do; exit code 3 when there are any. */
async function plan<D>(kind: DeclaredKind<D>, { api, args }: Asked): Promise<number> {
  const { file, removes } = wordsOf('plan', args, { takes: takesOf(kind) })
  const declared = await kind.readDeclared(file)
  say(`SHA-256 of the content: ${sha256Of(kind.contentOf(declared))}`)
  await sayLacking(kind, api, declared)
  return show(await kind.look(api, declared, { removes }))
}

/** Carries out the steps; exit code 3 when some wait for a second person. */
async function applyFile<D>(kind: DeclaredKind<D>, { api, commands, args }: Asked): Promise<number> {
  const words = wordsOf('apply', args, { takes: ['why', 'sha256', ...takesOf(kind)] })
  const { file, reason, removes, sha256 } = words
  const declared = await kind.readDeclared(file)
  const content = kind.contentOf(declared)
  if (sha256 !== undefined && sha256 !== sha256Of(content))
    throw new CommandError(
      2,
      `the content of ${file} has another SHA-256 than the one that was planned: plan it again`,
    )
  return applyAll(kind, { api, commands, declared, content, reason, removes })
}

/** Applies what was applied before. */
async function restore<D>(kind: DeclaredKind<D>, { api, commands, args }: Asked): Promise<number> {
  const words = wordsOf('restore', args, { what: 'revision', takes: ['why', ...takesOf(kind)] })
  const { file: number, reason, removes } = words
  if (!/^[1-9][0-9]{0,14}$/.test(number)) throw new CommandError(2, `${number} is no number of a revision`)
  const revision = await readingOf(api).get<Revision>(`/revisions/${number}`)
  // The very text: written anew by another version, with other defaults, it would be another one.
  const { content, declared } = await readRevision(api, kind, revision)
  return applyAll(kind, { api, commands, declared, content, reason, removes, restores: revision.number })
}

/** Writes what is there into a new folder. */
async function declare<D>(kind: DeclaredKind<D>, { api, args }: Asked): Promise<number> {
  const { file: folder } = wordsOf('declare', args, { what: 'new folder', takes: [] })
  const { files, hidden } = await kind.writeDeclared(api, folder)
  say(`${files} files in ${folder}; begin with ${kind.fileName}`)
  if (hidden.length > 0) say(`left out, for the roles of the key do not show it: ${hidden.join(', ')}`)
  return 0
}

/**
 * Prints what differs from what was applied, each part as the newest file had it that spoke of it, and who changed what since by
 * other means; exit code 3 when something differs, or when somebody did.
 */
async function drift<D>(kind: DeclaredKind<D>, { api, args }: Asked): Promise<number> {
  if (args.length > 0) throw new CommandError(2, 'drift takes nothing')
  const { declared, revisions, from, isWhole } = await appliedParts(api, kind)
  if (revisions.length === 0) throw new CommandError(1, `no file was ever applied to this ${kind.program}`)
  for (const { number, begunAt, by, reason, state, sha256 } of revisions)
    if (number >= from) {
      say(`revision ${number}, ${begunAt}, declared by ${by.name}: ${reason}`)
      say(`${state}, SHA-256 ${sha256}`)
    }
  if (!isWhole) say(`since     revisions before ${from} are not compared`)
  const { acts, more } = await readingOf(api).get<{ acts: Act[]; more: boolean }>(`/drift?since=${from}`)
  for (const { sequence, at, caller, operation, target } of acts)
    say(`since     ${at} ${caller.name}: ${operation} ${target} (audit log ${sequence})`)
  if (more) say('since     and more: the audit log has all')
  const looked = await kind.look(api, declared, { removes: false })
  const code = show(looked)
  const found = looked.plan.undeclared.length + looked.plan.differences.length + acts.length
  return code === 0 && found === 0 && isWhole ? 0 : 3
}

function takesOf({ canRemove }: Pick<DeclaredKind<unknown>, 'canRemove'>): 'remove'[] {
  return canRemove ? ['remove'] : []
}

function show({ plan, proposed }: Looked): number {
  for (const line of describePlan(plan, proposed)) say(line)
  say(`${plan.steps.length} to do, ${plan.differences.length} different, ${plan.undeclared.length} not named`)
  return plan.steps.length === 0 ? 0 : 3
}

async function applyAll<D>(
  kind: DeclaredKind<D>,
  q: Pick<Asked, 'api' | 'commands'> & {
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
  let ended: { done: number; waiting: number }
  try {
    ended = await apply({ api, commands, look, reason, revision: number, say })
  } catch (error) {
    // What was refused is more than that its end could not be kept.
    if (error instanceof CommandError)
      await end({ failure: error.message.slice(0, 2000) }).catch(() => undefined)
    throw error
  }
  await end(ended)
  await sayLacking(kind, api, declared)
  say(`${ended.done} done, ${ended.waiting} waiting, revision ${number}`)
  return ended.waiting === 0 ? 0 : 3
}

/** Whether acts since the newest revision have to be answered for by a new one, as far as the roles of the key show it. */
async function hasDrift(api: ManagementApi): Promise<boolean> {
  const drift = await unless(403, readingOf(api).get<{ acts: Act[] }>('/drift'))
  return drift !== undefined && drift.acts.length > 0
}

function sha256Of(content: string): string {
  return createHash('sha256').update(content).digest('hex')
}

async function sayLacking<D>(kind: DeclaredKind<D>, api: ManagementApi, declared: D): Promise<void> {
  for (const one of await kind.lackingAt(api, declared)) say(`lacks     ${one}`)
}

async function sendJson<T>(api: ManagementApi, method: string, path: string, body: object): Promise<T> {
  const { bytes } = await api.send({
    ...{ method, url: `/api/v1${path}`, headers: { 'content-type': 'application/json' } },
    body: Buffer.from(JSON.stringify(body)),
  })
  return JSON.parse(bytes.toString('utf8')) as T
}
