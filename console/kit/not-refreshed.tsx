/**
 * The line above what stays visible although its server does not answer now: since when it stands, and
 * whether it is asked for again.
 */
import { Again } from './again.tsx'
import { AGAIN_SECONDS, type Loaded } from './load.ts'
import { text } from './text.ts'
import { Time } from './time.tsx'

/** One line, also for several answers that are shown together. */
export function NotRefreshed({ of }: { of: Loaded<unknown> | Loaded<unknown>[] }) {
  const outdated = [of]
    .flat()
    .flatMap((one) => (one.state === 'there' && one.outdated !== undefined ? one.outdated : []))
    .sort((a, b) => a.since.localeCompare(b.since))
  const [oldest] = outdated
  if (oldest === undefined) return null
  return (
    <div class="note outdated">
      <p role="status">
        {text('kit.notRefreshed')} <Time at={oldest.since} exact />.{' '}
        {outdated.every(({ asksItself }) => asksItself) && text('kit.askedAgain', { count: AGAIN_SECONDS })}
      </p>
      <Again
        look="quiet"
        again={() => {
          for (const one of outdated) one.again()
        }}
      />
    </div>
  )
}
