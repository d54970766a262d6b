/** What came of a call: the answer of the service or who refused it, and where its evidence is. */
import { useLayoutEffect, useRef } from 'preact/hooks'
import { useMay } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts } from '../../kit/facts.tsx'
import { Status } from '../../kit/status.tsx'
import { number, text } from '../../kit/text.ts'
import { ExchangeLink } from '../words.tsx'
import { readable } from './readable.ts'
import type { Tried } from './shapes.ts'
import './try-outs.css'

export function Answer({ of: tried }: { of: Tried }) {
  const mayOpen = useMay('getExchange')
  const heading = useRef<HTMLHeadingElement>(null)
  useLayoutEffect(() => heading.current?.focus(), [tried])
  const isGood = tried.outcome === 'ANSWERED' && tried.status < 400
  return (
    <section class="part try-answer">
      <h4 tabIndex={-1} ref={heading}>
        {text('tryOuts.answer')}
      </h4>
      <Facts
        of={[
          [
            'tryOuts.outcome',
            tried.outcome === 'ANSWERED' ? (
              <>
                <Status tone={isGood ? 'good' : 'warn'} word="tryOuts.answered" />{' '}
                {text('tryOuts.status', { status: String(tried.status) })}
              </>
            ) : (
              <Status tone="bad" word="tryOuts.refused" />
            ),
          ],
          ['tryOuts.took', text('tryOuts.ms', { ms: tried.ms })],
          ['tryOuts.id', <Copyable key="id" value={tried.id} label={text('tryOuts.id')} />],
          [
            'tryOuts.evidence',
            tried.outcome === 'ANSWERED' && mayOpen ? (
              <ExchangeLink index={tried.record} />
            ) : (
              text('tryOuts.evidenceFor')
            ),
          ],
        ]}
      />
      {tried.outcome === 'REFUSED' ? (
        <div class="state refused">
          <p>
            <bdi class="id">{tried.fault.type}</bdi>
          </p>
          <p class="wrap">{tried.fault.message}</p>
          <p>
            {text('kit.faultId')} <Copyable value={tried.fault.detail} />
          </p>
        </div>
      ) : (
        <Content of={tried} />
      )}
    </section>
  )
}

function Content({ of: { headers, body } }: { of: Extract<Tried, { outcome: 'ANSWERED' }> }) {
  const label = text('tryOuts.content')
  return (
    <>
      <h5>{label}</h5>
      {body.size === 0 && <p>{text('tryOuts.noContent')}</p>}
      {body.isCut && <p class="note">{text('tryOuts.cut', { size: number(body.size) })}</p>}
      {body.encoding === 'base64' && body.size > 0 && <p class="note">{text('tryOuts.binary')}</p>}
      {body.size > 0 && (
        <textarea class="raw" readOnly rows={10} aria-label={label} value={readable(body.text)} />
      )}
      <details>
        <summary>{text('tryOuts.headers')}</summary>
        <ul>
          {headers.map(({ name, value }, index) => (
            <li class="wrap" key={`${name} ${index}`}>
              <bdi class="id">{`${name}: ${value}`}</bdi>
            </li>
          ))}
        </ul>
      </details>
    </>
  )
}
