/**
 * One act about several things, each by a call of its own: what was done, what waits for a second person,
 * what was not done and why.
 */
import { type Answer, ApiFault, NoAnswer } from '../../kit/api.ts'
import { wordsOf } from '../../kit/fault-words.ts'
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'

type Step = { name: string; send(): Promise<Answer<unknown>> }
type Outcome = 'done' | 'proposed' | 'untried' | ApiFault

/** What became of one of them; each has a name of its own. */
export type Ended = { name: string; outcome: Outcome }

/**
 * A refusal of one stops no other. After an answer that did not come, or an error of the server, the rest is
 * not tried: it would fare alike. Throws when the session has ended.
 */
export async function inTurn(steps: Step[]): Promise<Answer<Ended[]>> {
  const ended: Ended[] = []
  let isOver = false
  for (const { name, send } of steps) {
    const outcome: Outcome = isOver ? 'untried' : await outcomeOf(send)
    isOver ||= outcome instanceof ApiFault && !isKnown(outcome)
    ended.push({ name, outcome })
  }
  return { data: ended, headers: new Headers() }
}

/** Whether a failed call has surely done nothing. */
function isKnown(fault: ApiFault): boolean {
  return !(fault instanceof NoAnswer) && fault.status < 500
}

async function outcomeOf(send: Step['send']): Promise<Outcome> {
  try {
    const { proposal } = await send()
    return proposal === undefined ? 'done' : 'proposed'
  } catch (cause) {
    if (!(cause instanceof ApiFault) || cause.status === 401) throw cause
    return cause
  }
}

/** `done`: the word for those that were done. */
export function EndedInTurn({ of, done }: { of: Ended[]; done: TextKey }) {
  const wordOf = (outcome: Outcome): { tone: Tone; word: TextKey } => {
    if (outcome === 'done') return { tone: 'good', word: done }
    if (outcome === 'proposed') return { tone: 'warn', word: 'inTurn.proposed' }
    if (outcome === 'untried') return { tone: 'bad', word: 'inTurn.untried' }
    return isKnown(outcome)
      ? { tone: 'bad', word: 'inTurn.notDone' }
      : { tone: 'warn', word: 'inTurn.notKnown' }
  }
  return (
    <>
      <p>
        {text('inTurn.done', {
          done: of.filter(({ outcome }) => outcome === 'done').length,
          count: of.length,
        })}
      </p>
      <ul class="plain-list ruled">
        {of.map(({ name, outcome }) => (
          <li key={name}>
            <p>
              <Status {...wordOf(outcome)} /> <bdi class="id wrap">{name}</bdi>
            </p>
            {outcome instanceof ApiFault &&
              toldOf(outcome).map((words) => (
                <p class="wrap beside" key={words}>
                  {words}
                </p>
              ))}
          </li>
        ))}
      </ul>
    </>
  )
}

/** Words of what the server says leave out what only a missing answer leaves open. */
function toldOf(fault: ApiFault): string[] {
  const words = wordsOf(fault)
  return isKnown(fault) || fault instanceof NoAnswer ? words : [...words, text('kit.maybeDone')]
}
