/**
 * The first start as one list of steps, from the anchor to the first answered call. What waits for others is
 * watched, and goes on by itself.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { Copyable } from '../../kit/copyable.tsx'
import { Head } from '../../kit/facts.tsx'
import { useAnnounce } from '../../kit/live.tsx'
import { type Loaded, useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Ready } from './ready.tsx'
import { type Course, currentOf, type Step } from './shapes.ts'
import { StepItem } from './step.tsx'
import './first-start.css'

/** While a step waits for somebody, and otherwise: colleagues may act at the same time. */
const [SOON_MS, LATER_MS] = [3_000, 15_000]
/**
 * Half an hour in which nothing is done: a session ends when nobody is there, also that of a page that looks
 * by itself.
 */
const MOST_LOOKS = 600

export function FirstStartPage() {
  const [turn, setTurn] = useState(0)
  const newest = useAnswer<Course>('getFirstStart', {}, turn)
  const found = useHeld(newest)
  useWatch(newest, () => setTurn((before) => before + 1))
  return (
    <Show of={found} page="firstStart.title">
      {(course) => (
        <>
          <Head
            title={text('firstStart.title')}
            lead={
              <>
                <p>{text('firstStart.lead')}</p>
                <Copyable value={course.serverId} label={text('home.server')} />
              </>
            }
          />
          <Progress of={course.steps} />
          <ol class="course">
            {course.steps.map((step, at) => (
              <StepItem
                key={step.name}
                number={at + 1}
                of={step}
                course={course}
                isCurrent={step.name === currentOf(course)?.name}
              />
            ))}
          </ol>
          {course.finished && <Ready />}
        </>
      )}
    </Show>
  )
}

function Progress({ of }: { of: Step[] }) {
  const done = of.filter(({ state }) => state === 'done').length
  const words = text('firstStart.progress', { done, all: of.length })
  return (
    <p class="progress">
      <label>
        {words} <progress max={of.length} value={done} />
      </label>
    </p>
  )
}

const HOLDS = 'dialog[open], .course [type="submit"][aria-disabled="true"]'

/**
 * What goes on takes its acts away, so the page stays as it is while a dialog of one of them is read, and
 * until a form has its answer: a look that comes before it may know already what was made, and would take the
 * file with it.
 */
function useHeld(newest: Loaded<Course>): Loaded<Course> {
  const held = useRef(newest)
  const isHeld = document.querySelector(HOLDS) !== null
  if (!isHeld || held.current.state !== 'there') held.current = newest
  if (held.current.state !== 'there' || newest.state !== 'there') return held.current
  const { outdated, ...kept } = held.current
  return newest.outdated === undefined ? kept : { ...kept, outdated: newest.outdated }
}

/**
 * Looks again and again until all is done, each time when the look before has its answer, and says aloud
 * which step is done since.
 */
function useWatch(newest: Loaded<Course>, look: () => void): void {
  const announce = useAnnounce()
  const before = useRef<Set<string>>(undefined)
  const looks = useRef(0)
  const course = newest.state === 'there' ? newest.data : undefined
  // A look that failed is made again by the line that says so.
  const isSettled = newest.state === 'there' && !newest.stale && newest.outdated === undefined
  useEffect(() => {
    if (course === undefined) return
    const done = course.steps.filter(({ state }) => state === 'done').map(({ name }) => name)
    const news = before.current && done.find((name) => !before.current?.has(name))
    before.current = new Set(done)
    if (news === undefined) return
    looks.current = 0
    announce(text('firstStart.stepDone', { step: text(`firstStart.step.${news}`) }))
  }, [course])
  useEffect(() => {
    if (!isSettled || course === undefined || looks.current >= MOST_LOOKS) return
    if (course.steps.every(({ state }) => state === 'done')) return
    const isWaiting = course.steps.some(({ state }) => state === 'waiting')
    const timer = setInterval(
      () => {
        if (document.hidden) return
        // Once: the next look waits for the answer to this one.
        clearInterval(timer)
        looks.current += 1
        look()
      },
      isWaiting ? SOON_MS : LATER_MS,
    )
    return () => clearInterval(timer)
  }, [course, isSettled])
}
