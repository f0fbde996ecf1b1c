import { expect, test } from 'vitest';
import { startRecorder } from './recorder.ts';

const send = (url: string, visitor: string) =>
  fetch(`${url}/subscription?s=1&idclient=${visitor}`, {
    method: 'POST',
    body: JSON.stringify({
      events: [
        {
          name: 'X',
          data: { sub_event_id: 'e1', sub_event_name: 'X', sub_subscription_id: 'r', 'n:sub_event_sequence': 4 },
        },
      ],
    }),
  });

test('records what arrives, also when it loses the answer', async () => {
  const recorder = await startRecorder();
  try {
    expect((await send(recorder.url, 'v1')).status).toBe(204);
    recorder.loseAnswer = () => true;
    await expect(send(recorder.url, 'v2')).rejects.toThrow();
    expect(recorder.arrivals).toEqual([
      { visitor: 'v1', eventId: 'e1', code: 'X', recordId: 'r', sequence: 4 },
      { visitor: 'v2', eventId: 'e1', code: 'X', recordId: 'r', sequence: 4 },
    ]);
  } finally {
    await recorder.close();
  }
});
