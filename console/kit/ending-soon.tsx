/** What ends soon, the soonest first, each with the page on which it is renewed. */
import { Link } from './address.tsx'
import { Calm } from './calm.tsx'
import { Part } from './facts.tsx'
import { useAnswer } from './load.ts'
import { NamedInWords } from './named.tsx'
import { Show } from './placeholders.tsx'
import { Validity } from './status.tsx'
import { type TextKey, text } from './text.ts'
import { Time } from './time.tsx'

export type Ending = { kind: string; name: string; of: string; endsAt: string }
type Answer = { withinDays: number; total?: number; soonest: Ending[] }

const SHOWN = 8

/** `without`: a kind that the page shows elsewhere. */
export function EndingSoon(q: { pageOf(ending: Ending): string; without?: string }) {
  const { pageOf } = q
  const found = useAnswer<Answer>('getEndingSoon')
  if (found.state === 'loading') return null
  if (
    found.state === 'there' &&
    found.outdated === undefined &&
    shownOf(found.data, q.without).length === 0
  ) {
    const key = q.without === undefined ? 'ends.nothing' : 'ends.nothingElse'
    return <Calm name="endings" words={text(key, { days: found.data.withinDays })} />
  }
  return (
    <Part title={text('ends.title')}>
      <Show of={found}>
        {(data) => {
          const soonest = shownOf(data, q.without)
          return soonest.length === 0 ? (
            <p>{text('ends.nothing', { days: data.withinDays })}</p>
          ) : (
            <>
              <List of={soonest.slice(0, SHOWN)} pageOf={pageOf} />
              {soonest.length > SHOWN && (
                <details>
                  <summary>{text('ends.more', { count: soonest.length - SHOWN })}</summary>
                  <List of={soonest.slice(SHOWN)} pageOf={pageOf} />
                </details>
              )}
            </>
          )
        }}
      </Show>
    </Part>
  )
}

function shownOf({ soonest }: Answer, without: string | undefined): Ending[] {
  return soonest.filter(({ kind }) => kind !== without)
}

function List({ of, pageOf }: { of: Ending[]; pageOf(ending: Ending): string }) {
  return (
    <ul class="lines">
      {of.map((one) => (
        <li key={`${one.kind} ${one.of} ${one.name} ${one.endsAt}`}>
          <Validity notAfter={one.endsAt} />{' '}
          <Link to={pageOf(one)}>{text(`ends.kind.${one.kind}` as TextKey)}</Link>
          {one.name !== '' && (
            <>
              {' '}
              <NamedInWords id={one.name} />
            </>
          )}{' '}
          <Time at={one.endsAt} relative />
        </li>
      ))}
    </ul>
  )
}
