/** Why a passkey that is somebody's was refused, in words for its holder alone. */
export const WHY: Record<string, string> = {
  blocked: 'it is blocked, since another device may have it too: remove it and make another',
  copied: 'its counter did not rise, so another device may have it too: it is blocked from now on',
  unconfirmed: 'the provider has not seen you for too long: log in there once',
  locked: 'your access is locked',
  removed: 'your access was taken away',
}
