/**
 * The acts of administrators on a contract: approve, decline, suspend, confirm, resume, terminate. Each names
 * the content that was read.
 */
import { Act } from '../../kit/act.tsx'
import { currentOf } from '../../kit/contract.tsx'
import type { Field } from '../../kit/field.tsx'
import { text } from '../../kit/text.ts'
import { Consequences } from '../consequences.tsx'
import { Confirm } from '../suspensions/suspension.tsx'
import type { Version, WholeContract } from './contract.tsx'

const REASON: Field = {
  name: 'reason',
  title: 'contract.reasonForParties',
  hint: 'contract.reasonHint',
  type: 'long',
  maxLength: 1000,
}

export function DecideContract({ of }: { of: WholeContract }) {
  const { versions, suspension } = of
  const open = versions.find(({ state }) => state === 'PROPOSED' || state === 'ACCEPTED')
  const current = currentOf(versions)
  const isSuspended = suspension !== null && suspension.state !== 'lifted'
  const isActive = versions.some(({ state }) => state === 'ACTIVE')
  return (
    <>
      {open?.state === 'ACCEPTED' && <Approve of={open} />}
      {open !== undefined && <Decline of={open} />}
      {isActive && <Suspend of={current} />}
      {isSuspended && <Confirm of={suspension} />}
      {(isSuspended || current.state === 'SUSPENDED') && <Resume of={current} />}
      {(isActive || current.state === 'SUSPENDED') && <Terminate of={current} />}
    </>
  )
}

function Approve({ of }: { of: Version }) {
  return (
    <Act
      operation="approveContract"
      button={text('contract.approve')}
      look="primary"
      title={text('contract.approveTitle', titled(of))}
      consequence={
        <>
          <p>{text('contract.approveConsequence')}</p>
          <Hash of={of} />
        </>
      }
      send={(_, call) => call('approveContract', { ...named(of), body: { contentHash: of.contentHash } })}
      result={() => <p>{text('contract.approved')}</p>}
    />
  )
}

function Decline({ of }: { of: Version }) {
  return (
    <Act
      operation="declineContract"
      button={text('contract.decline')}
      title={text('contract.declineTitle', titled(of))}
      consequence={<p>{text('contract.declineConsequence')}</p>}
      fields={[REASON]}
      send={(body, call) => call('declineContract', said(of, body))}
      result={() => <p>{text('contract.declined')}</p>}
    />
  )
}

function Suspend({ of }: { of: Version }) {
  return (
    <Act
      operation="suspendContract"
      button={text('contract.suspend')}
      title={text('contract.suspendTitle', titled(of))}
      consequence={
        <>
          <p>{text('contract.suspendConsequence')}</p>
          <Consequences operation="suspendContract" params={{ id: of.contract }} />
        </>
      }
      fields={[{ ...REASON, maxLength: 500 }]}
      send={(body, call) => call('suspendContract', said(of, body))}
      result={() => <p>{text('contract.suspended')}</p>}
    />
  )
}

function Resume({ of }: { of: Version }) {
  return (
    <Act
      operation="resumeContract"
      button={text('contract.resume')}
      title={text('contract.resumeTitle', titled(of))}
      consequence={<p>{text('contract.resumeConsequence')}</p>}
      fields={[REASON]}
      send={(body, call) => call('resumeContract', said(of, body))}
      result={() => <p>{text('contract.resumed')}</p>}
    />
  )
}

function Terminate({ of }: { of: Version }) {
  return (
    <Act
      operation="terminateContract"
      button={text('contract.terminate')}
      title={text('contract.terminateTitle', titled(of))}
      consequence={
        <>
          <p>{text('contract.terminateConsequence')}</p>
          <Consequences operation="terminateContract" params={{ id: of.contract }} />
        </>
      }
      fields={[REASON]}
      nameToType={of.title}
      send={(body, call) => call('terminateContract', said(of, body))}
      result={() => <p>{text('contract.terminated')}</p>}
    />
  )
}

function Hash({ of }: { of: Version }) {
  return (
    <p>
      {text('contract.hash')} <span class="id wrap">{of.contentHash}</span>
    </p>
  )
}

function titled({ title, version }: Version): { title: string; version: string } {
  return { title, version: String(version) }
}

function named({ contract }: Version): { params: Record<string, string> } {
  return { params: { id: contract } }
}

function said(of: Version, body: object): { params: Record<string, string>; body: object } {
  return { ...named(of), body: { ...body, contentHash: of.contentHash } }
}
