/** What callers hear and senders read. Nothing in them depends on who the other one is. */

export const MESSAGES = {
  stranger:
    'This HushRyd number connects riders and drivers during their trip. It cannot connect your call. Please use the HushRyd app.',
  ended:
    'This trip is over, so this number does not connect you any more. For anything you left behind, please use the HushRyd app.',
  busy: 'The person you are calling is on another call with this number. Please try again in a moment.',
  unavailable:
    'Your call cannot be connected just now. Please try again in a moment, or call from the HushRyd app.',
  afterCall: 'The call has ended, or could not be answered. You can call again as long as your trip lasts.',
  sms: 'HushRyd: messages to this number are not delivered. Please call it, or write in the HushRyd app.',
} as const
