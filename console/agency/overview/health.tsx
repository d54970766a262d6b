/**
 * How the parts of the server are, a line for each that is not well, with the page on which something can be
 * done.
 */
import { Link } from '../../kit/address.tsx'
import { Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { Told } from '../../kit/told.tsx'
import { type Finding, partOf, TONES, worstFirst } from '../diagnostics/parts.ts'

const SHOWN = 6
const PAGE = '/diagnostics'

export function Health() {
  const found = useAnswer<{ items: Finding[] }>('getDiagnostics')
  return (
    <Part title={text('home.health')} acts={<Link to={PAGE}>{text('diagnostics.title')}</Link>}>
      <Show of={found}>
        {({ items }) => {
          const wrong = worstFirst(items.filter(({ state }) => state !== 'OK'))
          const well = items.length - wrong.length
          return (
            <>
              <ul class="lines">
                {wrong.slice(0, SHOWN).map((one) => (
                  <Line key={one.name} of={one} />
                ))}
                {well > 0 && (
                  <li>
                    <span class="mark">
                      <Status tone="good" word="diagnostics.state.OK" />
                    </span>{' '}
                    {text(wrong.length === 0 ? 'home.allWell' : 'home.othersWell', { count: well })}
                  </li>
                )}
              </ul>
              {wrong.length > SHOWN && (
                <p>
                  <Link to={PAGE}>{text('home.moreWrong', { count: wrong.length - SHOWN })}</Link>
                </p>
              )}
            </>
          )
        }}
      </Show>
    </Part>
  )
}

function Line({ of: { name, state, message, remedy } }: { of: Finding }) {
  const { title, which, page = PAGE } = partOf(name)
  return (
    <li>
      <span class="mark">
        <Status tone={TONES[state]} word={`diagnostics.state.${state}`} />
      </span>
      <Link to={page}>{title}</Link> {which !== '' && <bdi class="id wrap">{which}</bdi>}{' '}
      <Told words={message} />
      {remedy !== undefined && (
        <p class="beside">
          <Told words={remedy} />
        </p>
      )}
    </li>
  )
}
