/** Makes those changes to a registry that a file declares and that are possible now. Running it again continues the work. */
import { createHash } from 'node:crypto'
import { contentText } from '#platform/proposals/rules.ts'
import type { ManagementApi } from '../client.ts'
import { CommandError } from '../command-error.ts'
import type { Command } from '../commands.ts'
import { planOf } from './plan.ts'
import type { Declared } from './read-file.ts'
import { type Present, readPresent } from './read-present.ts'
import type { Plan, Step } from './step.ts'

type Progress = (line: string) => void

/** A round sees only what earlier rounds have made: profile, service, intermediate CA; member, server, client. */
const ROUNDS = 4

/**
 * Makes the calls. Returns how many steps were done, and how many wait for a second person or for another step. Throws a
 * CommandError for a refusal.
 */
export async function apply(q: {
  api: ManagementApi
  commands: Command[]
  declared: Declared
  /** The reason for steps that a second person decides about. */
  reason: string | undefined
  say: Progress
}): Promise<{ done: number; waiting: number }> {
  let done = 0
  for (let round = 1; ; round++) {
    const present = await readPresent(q.api, q.declared)
    const { steps } = planOf(q.declared, present)
    let doneNow = 0
    const open: string[] = []
    for (const step of steps) {
      const state = await take(q, present, step)
      if (state === 'done') doneNow++
      else open.push(`${state}: ${step.says}`)
    }
    done += doneNow
    if (doneNow === 0 || open.length === 0 || round === ROUNDS) {
      for (const line of open) q.say(line)
      return { done, waiting: open.length }
    }
  }
}

/** Whether a step has been proposed already, so that `plan` shows that. */
function isProposed({ call }: Step, { proposed }: Present): boolean {
  if (call === undefined) return false
  const { operation, params, body } = call
  const text = contentText({ operation, params, query: {}, body })
  return proposed.has(createHash('sha256').update(text).digest('hex'))
}

/** A plan as lines for people. */
export function describePlan({ steps, differences, undeclared }: Plan, present: Present): string[] {
  const mark = (step: Step): string =>
    step.call === undefined ? 'later   ' : isProposed(step, present) ? 'proposed' : 'do      '
  return [
    ...steps.map((step) => `${mark(step)}  ${step.says}`),
    ...differences.map((one) => `differs   ${one}`),
    ...undeclared.map((one) => `not named ${one}`),
  ]
}

async function take(
  q: Parameters<typeof apply>[0],
  present: Present,
  step: Step,
): Promise<'done' | 'later' | 'waits for a second person'> {
  const { call } = step
  if (call === undefined) return 'later'
  if (isProposed(step, present)) return 'waits for a second person'
  const { operation } = q.commands.find((one) => one.operation.id === call.operation)!
  if (operation.fourEyes && q.reason === undefined && (await needsReason(q.api)))
    throw new CommandError(2, `--why is missing: a second person has to know why (${step.says})`)
  const url = operation.url.replace(/:([^/]+)/g, (_, name: string) => encodeURIComponent(call.params[name]!))
  const isFile = Buffer.isBuffer(call.body)
  const body = isFile ? (call.body as Buffer) : jsonBody(call.body)
  const sent = q.api.send({
    method: operation.method,
    url,
    headers: {
      ...(body === undefined
        ? {}
        : { 'content-type': isFile ? operation.requestTypes[0]! : 'application/json' }),
      ...(q.reason === undefined ? {} : { 'x-reason': encodeURIComponent(q.reason) }),
    },
    body,
  })
  const { status } = await sent.catch((error: unknown) => {
    throw error instanceof CommandError ? new CommandError(1, `${step.says}: ${error.message}`, error) : error
  })
  if (status === 202) return 'waits for a second person'
  q.say(`done: ${step.says}`)
  return 'done'
}

function jsonBody(body: unknown): Buffer | undefined {
  return body === undefined ? undefined : Buffer.from(JSON.stringify(body))
}

async function needsReason(api: ManagementApi): Promise<boolean> {
  const { bytes } = await api.send({ method: 'GET', url: '/api/v1/system', headers: {}, body: undefined })
  return (JSON.parse(bytes.toString('utf8')) as { fourEyes: boolean }).fourEyes
}
