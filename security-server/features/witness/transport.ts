/** How this feature reaches a peer server that is a witness or a partner: over mutual TLS. */

/**
 * The path prefix at the peer listener, for the witness and for partners' questions about this server's own
 * log.
 */
export const PEER_PREFIX = '/witness'
