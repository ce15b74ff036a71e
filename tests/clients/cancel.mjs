// Cancels a call that is under way, then looks for its image in the history until it is there.

import { callTool, connect, say } from './connect.mjs';

const client = await connect();
const wish = JSON.parse(process.argv[5]);
const cancelling = new AbortController();
try {
  await callTool(client, 'generate_image', wish, {
    signal: cancelling.signal,
    onprogress: () => cancelling.abort('changed my mind'),
  });
  say({ cancelled: false });
} catch (error) {
  say({ cancelled: String(error) });
}
const deadline = Date.now() + 30_000;
let found = [];
while (found.length === 0 && Date.now() < deadline) {
  const listed = await callTool(client, 'list_images', { query: 'fox' });
  found = listed.structuredContent.images;
}
say({ found: found.map((image) => image.prompt) });
await client.close();
