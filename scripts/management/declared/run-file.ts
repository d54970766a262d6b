/**
 * `plan`, `apply`, `declare`, `drift` and `restore` of a declared file. What is applied is kept by the server
 * as a revision first, so that nothing is changed by a file that nobody can show afterwards.
 */
import { CommandError } from '../command-error.ts'
import type { More } from '../run-management.ts'
import { describePlan } from './apply.ts'
import { type Act, applyKept, sayLacking, sha256Of, whyTooLarge } from './apply-kept.ts'
import { readingOf } from './calls.ts'
import type { DeclaredKind, Looked } from './kind.ts'
import { appliedParts, describeRevision, readRevision, revisionOf } from './revisions.ts'
import { say, wordsOf } from './words.ts'

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
  const { file, removes, revision } = wordsOf('plan', args, { takes: ['revision', ...takesOf(kind)] })
  const declared =
    revision === undefined ? await planFile(kind, file) : (await readKept(kind, api, revision)).declared
  await sayLacking(kind, api, declared)
  return show(await kind.look(api, declared, { removes }))
}

/** Says with which sums the file can be applied. */
async function planFile<D>(kind: DeclaredKind<D>, file: string): Promise<D> {
  const declared = await kind.readDeclared(file)
  const [content, whole] = [kind.contentOf(declared), kind.wholeOf(declared)]
  say(`SHA-256 of the content: ${sha256Of(content)}`)
  if (whole !== content) say(`SHA-256 with its mail addresses, for --sha256: ${sha256Of(whole)}`)
  const tooLarge = whyTooLarge(content)
  if (tooLarge !== undefined) say(`too large ${tooLarge}`)
  return declared
}

/** Carries out the steps; exit code 3 when some wait for a second person. */
async function applyFile<D>(kind: DeclaredKind<D>, { api, commands, args }: Asked): Promise<number> {
  const words = wordsOf('apply', args, { takes: ['why', 'sha256', ...takesOf(kind)] })
  const { file, reason, removes, sha256 } = words
  const declared = await kind.readDeclared(file)
  const content = kind.contentOf(declared)
  if (sha256 !== undefined && sha256 !== sha256Of(kind.wholeOf(declared)))
    throw new CommandError(
      2,
      `the content of ${file} has another SHA-256 than the one that was planned: plan it again`,
    )
  return applyKept(kind, { api, commands, declared, content, reason, removes })
}

/**
 * Applies what was applied before, if it is what somebody has planned: anybody who may keep a revision could
 * have put any text there.
 */
async function restore<D>(kind: DeclaredKind<D>, { api, commands, args }: Asked): Promise<number> {
  const words = wordsOf('restore', args, { what: 'revision', takes: ['why', 'sha256', ...takesOf(kind)] })
  const { file: number, reason, removes, sha256 } = words
  // The very text: written anew by another version, with other defaults, it would be another one.
  const { content, declared, revision } = await readKept(kind, api, number)
  if (revision.state === 'begun' || revision.state === 'refused')
    throw new CommandError(
      1,
      `revision ${number} is ${revision.state}: only what was applied is applied again`,
    )
  if (sha256 === undefined)
    throw new CommandError(
      2,
      `--sha256 is missing: plan --revision ${number} shows what this would do, and prints it`,
    )
  if (sha256 !== revision.sha256)
    throw new CommandError(
      2,
      `revision ${number} has another SHA-256 than the one that was planned: plan it again`,
    )
  return applyKept(kind, { api, commands, declared, content, reason, removes, restores: revision.number })
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
 * Prints what differs from what was applied, each part as the newest file had it that spoke of it, and who
 * changed what since by other means; exit code 3 when something differs, or when somebody did.
 */
async function drift<D>(kind: DeclaredKind<D>, { api, args }: Asked): Promise<number> {
  if (args.length > 0) throw new CommandError(2, 'drift takes nothing')
  const { declared, revisions, from, unread } = await appliedParts(api, kind)
  if (revisions.length === 0) throw new CommandError(1, `no file was ever applied to this ${kind.program}`)
  for (const one of revisions) if (one.number >= from) for (const line of describeRevision(one)) say(line)
  for (const line of unread) say(`unread    ${line}`)
  const { acts, more } = await readingOf(api).get<{ acts: Act[]; more: boolean }>(`/drift?since=${from}`)
  for (const { sequence, at, caller, operation, target } of acts)
    say(`since     ${at} ${caller.name}: ${operation} ${target} (audit log ${sequence})`)
  if (more) say('since     and more: the audit log has all')
  const looked = await kind.look(api, declared, { removes: false })
  const code = show(looked)
  const found = looked.plan.undeclared.length + looked.plan.differences.length + acts.length + unread.length
  return code === 0 && found === 0 ? 0 : 3
}

/** Says who declared it and how it ended, before anything else. */
async function readKept<D>(kind: DeclaredKind<D>, api: Asked['api'], number: string) {
  const revision = await revisionOf(api, number)
  for (const line of describeRevision(revision)) say(line)
  return { revision, ...(await readRevision(api, kind, revision)) }
}

function takesOf({ canRemove }: Pick<DeclaredKind<unknown>, 'canRemove'>): 'remove'[] {
  return canRemove ? ['remove'] : []
}

function show({ plan, proposed }: Looked): number {
  for (const line of describePlan(plan, proposed)) say(line)
  say(`${plan.steps.length} to do, ${plan.differences.length} different, ${plan.undeclared.length} not named`)
  return plan.steps.length === 0 ? 0 : 3
}
