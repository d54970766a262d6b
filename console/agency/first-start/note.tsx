/** On the overview, until the first call was answered: how far the first start is, and the way to it. */
import { Link } from '../../kit/address.tsx'
import { useAnswer } from '../../kit/load.ts'
import { text } from '../../kit/text.ts'
import { type Course, currentOf, FIRST_START } from './shapes.ts'

export function FirstStartNote() {
  const found = useAnswer<Course>('getFirstStart')
  if (found.state !== 'there' || found.data.finished) return null
  const { steps } = found.data
  const next = currentOf(found.data)
  return (
    <section class="note first-start-note">
      <p>
        <strong>{text('firstStart.unfinished', progressOf(steps))}</strong>{' '}
        {next === undefined
          ? text('firstStart.waitsForOthers')
          : text('firstStart.next', { step: text(`firstStart.step.${next.name}`) })}
      </p>
      <p class="acts">
        <Link to={FIRST_START} class="button primary">
          {text('firstStart.goOn')}
        </Link>
      </p>
    </section>
  )
}

function progressOf(steps: Course['steps']): { done: number; all: number } {
  return { done: steps.filter(({ state }) => state === 'done').length, all: steps.length }
}
