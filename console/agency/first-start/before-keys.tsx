/** The steps until keys can be made: whose configuration is believed, who owns the server, and the token. */
import { Facts } from '../../kit/facts.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { LogIn, MakeToken } from '../keys/token-acts.tsx'
import { type Anchor, AnchorFacts, NewAnchor, Refresh } from '../settings/anchor.tsx'
import { Id } from '../words.tsx'
import type { BodyProps } from './shapes.ts'

export function AnchorStep({ of: { state, of } }: BodyProps) {
  if (state === 'done') return <AnchorFacts of={of as Anchor} />
  return <NewAnchor present={undefined} />
}

export function ConfigurationStep({ of: { state, after, of } }: BodyProps) {
  if (state !== 'done')
    return after === undefined ? (
      <div class="acts">
        <Refresh />
      </div>
    ) : null
  return (
    <Facts
      of={[
        ['system.source', <bdi key="from">{of.source ?? text('system.fromDisk')}</bdi>],
        ['certificate.notAfter', <Time key="until" at={of.expiresAt ?? ''} relative />],
      ]}
    />
  )
}

/** From the settings of the server, so there is nothing to type: they are shown to be checked. */
export function OwnerStep({ of: { state, missing, of } }: BodyProps) {
  return (
    <>
      <Facts
        of={[
          ['firstStart.owner', of.memberName ?? text('firstStart.notAMember')],
          ['firstStart.memberId', <Id key="member" of={of.memberId ?? ''} />],
          ['firstStart.serverCode', <bdi key="code">{of.serverCode}</bdi>],
        ]}
      />
      {state !== 'done' && <p>{text('firstStart.ownerWrong')}</p>}
      {missing === 'member' && (
        <div class="acts inner">
          <Refresh />
        </div>
      )}
    </>
  )
}

export function TokenStep({ of: { missing, of } }: BodyProps) {
  if (missing === 'token')
    return (
      <div class="acts">
        <MakeToken pin={of.pin} />
      </div>
    )
  if (missing === 'login')
    return (
      <div class="acts">
        <LogIn of={{ id: of.tokenId ?? '0', name: of.name ?? '', type: 'SOFTWARE' }} />
      </div>
    )
  return <p>{text('firstStart.tokenOpen')}</p>
}
