/**
 * Makes those changes that a declared file asks for and that are possible now. Running it again continues the
 * work.
 */
import { createHash } from 'node:crypto'
import { contentText } from '#platform/proposals/rules.ts'
import { tallyOf } from '../../command-line/tally.ts'
import type { ManagementApi } from '../client.ts'
import { CommandError } from '../command-error.ts'
import type { Command } from '../commands.ts'
import { isHeld, type Plan, type Step } from './step.ts'

type Progress = (line: string) => void

/** SHA-256 of the content of each proposal that waits for a second person. */
type Proposed = ReadonlySet<string>

/**
 * A round sees only what earlier rounds have made: profile, service, intermediate CA; client, service,
 * endpoint, right, and it is switched on.
 */
const ROUNDS = 6

type Applied = {
  api: ManagementApi
  commands: Command[]
  /** Plans by what is there now. */
  look(): Promise<{ plan: Plan; proposed: Proposed }>
  /** The reason for steps that a second person decides about. */
  reason: string
  /** Whose steps they are, which goes on record with each. */
  revision: number
  say: Progress
  /** What shows how far it is. */
  tally?: typeof tallyOf
}

/**
 * Makes the calls. Returns how many steps were done, and how many wait for a second person or for another
 * step. Throws a CommandError for a refusal.
 */
export async function apply(q: Applied): Promise<{ done: number; waiting: number }> {
  let done = 0
  for (let round = 1; ; round++) {
    const { plan, proposed } = await q.look()
    let doneNow = 0
    const open: Step[] = []
    const lines: string[] = []
    const tally = (q.tally ?? tallyOf)({ what: 'looking at', unit: 'steps', total: plan.steps.length })
    try {
      for (const step of plan.steps) {
        tally.at(doneNow + open.length)
        const state = isHeld(step, open) ? 'later' : await take(q, proposed, step)
        if (state === 'done') {
          tally.end()
          q.say(`done: ${step.says}`)
          doneNow++
          continue
        }
        open.push(step)
        lines.push(`${state}: ${step.says}`)
      }
    } finally {
      tally.end()
    }
    done += doneNow
    if (doneNow === 0 || open.length === 0 || round === ROUNDS) {
      for (const line of lines) q.say(line)
      return { done, waiting: open.length }
    }
  }
}

/** Whether a step has been proposed already, so that `plan` shows that. */
function isProposed({ call }: Step, proposed: Proposed): boolean {
  if (call === undefined) return false
  const { operation, params, query = {}, body } = call
  const text = contentText({ operation, params, query, body })
  return proposed.has(createHash('sha256').update(text).digest('hex'))
}

/** Those that wait for nothing. */
export function possibleNow(steps: Step[], proposed: Proposed): Step[] {
  const open = steps.filter((step) => step.call === undefined || isProposed(step, proposed))
  return steps.filter((step) => !open.includes(step) && !isHeld(step, open))
}

/** A plan as lines for people. */
export function describePlan({ steps, differences, undeclared }: Plan, proposed: Proposed): string[] {
  const now = new Set(possibleNow(steps, proposed))
  const mark = (step: Step): string =>
    now.has(step) ? 'do      ' : isProposed(step, proposed) ? 'proposed' : 'later   '
  return [
    ...steps.map((step) => `${mark(step)}  ${step.says}`),
    ...differences.map((one) => `differs   ${one}`),
    ...undeclared.map((one) => `not named ${one}`),
  ]
}

async function take(
  q: Applied,
  proposed: Proposed,
  step: Step,
): Promise<'done' | 'later' | 'waits for a second person'> {
  const { call } = step
  if (call === undefined) return 'later'
  if (isProposed(step, proposed)) return 'waits for a second person'
  const { operation } = q.commands.find((one) => one.operation.id === call.operation)!
  const path = operation.url.replace(/:([^/]+)/g, (_, name: string) => encodeURIComponent(call.params[name]!))
  const query = new URLSearchParams(
    Object.entries(call.query ?? {}).map(([name, value]) => [name, String(value)]),
  )
  const isFile = Buffer.isBuffer(call.body)
  const body = isFile ? (call.body as Buffer) : jsonBody(call.body)
  const sent = q.api.send({
    method: operation.method,
    url: query.size === 0 ? path : `${path}?${query}`,
    headers: {
      ...(body === undefined
        ? {}
        : { 'content-type': isFile ? operation.requestTypes[0]! : 'application/json' }),
      'x-reason': encodeURIComponent(q.reason),
      'x-revision': String(q.revision),
    },
    body,
  })
  const { status } = await sent.catch((error: unknown) => {
    throw error instanceof CommandError ? new CommandError(1, `${step.says}: ${error.message}`, error) : error
  })
  return status === 202 ? 'waits for a second person' : 'done'
}

function jsonBody(body: unknown): Buffer | undefined {
  return body === undefined ? undefined : Buffer.from(JSON.stringify(body))
}
