/** The page of one act that waits for a second person at this server. */
import { OneProposal } from '../../kit/one-proposal.tsx'
import { Content } from './content.tsx'

export function ServerProposal({ params }: { params: Record<string, string> }) {
  return <OneProposal id={params['id']!} content={Content} />
}
