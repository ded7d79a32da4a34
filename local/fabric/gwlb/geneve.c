/* Packets in and out of GENEVE (RFC 8926), with the options of AWS. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <unistd.h>
#include "gwlb.h"

enum { INNER_MTU = 8500 /* what is larger is dropped in silence: no ICMP, no fragments */ };

struct option {
	uint16_t class;
	uint8_t type, words;
} __attribute__((packed));

/* Always these three options, in this order. */
struct geneve {
	uint8_t version_and_words, flags;
	uint16_t protocol;
	uint8_t vni[3], reserved;
	struct option endpoint_option;
	uint64_t endpoint;
	struct option attachment_option;
	uint64_t attachment;
	struct option cookie_option;
	uint32_t cookie;
} __attribute__((packed));

struct outer {
	struct iphdr ip;
	struct udphdr udp;
	struct geneve geneve;
} __attribute__((packed));

_Static_assert(sizeof(struct outer) == OUTER_SIZE, "20 of IP, 8 of UDP, 8 of GENEVE and 32 of its options");

static bool multicast(const uint8_t *packet, size_t size)
{
	return packet[0] >> 4 == 6 ? size > 24 && packet[24] == 0xff : size > 16 && packet[16] >> 4 >= 14;
}

static uint16_t checksum(const void *data, size_t size, uint32_t sum)
{
	for (const uint8_t *at = data; size >= 2; at += 2, size -= 2)
		sum += at[0] << 8 | at[1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* In the name of who it was sent to, with the sequence number that its sender expects next. */
static void reset_sender(const struct endpoint *endpoint, const uint8_t *packet)
{
	const struct iphdr *ip = (const void *)packet;
	const struct tcphdr *segment = (const void *)(packet + ip->ihl * 4);
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
	} __attribute__((packed)) answer = {
		.ip = { .version = 4, .ihl = 5, .tot_len = htons(sizeof answer), .ttl = 64, .protocol = IPPROTO_TCP,
			.saddr = ip->daddr, .daddr = ip->saddr },
		.tcp = { .source = segment->dest, .dest = segment->source, .seq = segment->ack_seq, .doff = 5, .rst = 1 },
	};
	/* The pseudo header is addresses, protocol and length: RFC 9293, 3.1. */
	answer.ip.check = checksum(&answer.ip, sizeof answer.ip, 0);
	answer.tcp.check = checksum(&answer.ip.saddr, 8 + sizeof answer.tcp, IPPROTO_TCP + sizeof answer.tcp);
	if (segment->rst || write(endpoint->tun, &answer, sizeof answer) < 0)
		count.drop_send++;
}

void forward(int sender, struct endpoint *endpoint, uint8_t *packet, size_t size)
{
	struct outer *outer = (void *)(packet - sizeof *outer);
	struct key key;
	struct flow *flow;
	bool opens, reset;

	if (size > INNER_MTU) {
		count.drop_too_big++;
		return;
	}
	if (!read_key(packet, size, endpoint->id, &key, &opens)) {
		count.drop_malformed++;
		return;
	}
	if (multicast(packet, size)) {
		count.drop_multicast++;
		return;
	}
	if (!(flow = flow_of(&key, opens, &reset))) {
		if (reset)
			reset_sender(endpoint, packet);
		return;
	}

	*outer = (struct outer) {
		/* Linux fills in the source address, the identification and the checksum. */
		.ip = { .version = 4, .ihl = 5, .tot_len = htons(sizeof *outer + size), .frag_off = htons(IP_DF),
			.ttl = 255, .protocol = IPPROTO_UDP, .daddr = flow->target },
		.udp = { .source = htons(49152 + flow->hash % 16384), .dest = htons(GENEVE_PORT),
			 .len = htons(sizeof *outer - sizeof outer->ip + size) },
		.geneve = { .version_and_words = 8, .protocol = htons(key.version == 4 ? 0x0800 : 0x86dd),
			    .endpoint_option = { htons(0x0108), 1, 2 }, .endpoint = endpoint->id,
			    .attachment_option = { htons(0x0108), 2, 2 },
			    .cookie_option = { htons(0x0108), 3, 1 }, .cookie = htonl(flow->cookie) },
	};
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = flow->target };
	if (sendto(sender, outer, sizeof *outer + size, 0, (void *)&to, sizeof to) < 0)
		count.drop_send++;
	else
		count.forwarded++, endpoint->forwarded++;
}

/* A target may answer with the header it got: outer addresses swapped, options as they came, the same flow inside. */
void take_back(in_addr_t from, const uint8_t *datagram, size_t size)
{
	const struct geneve *geneve = (const void *)datagram;
	const uint8_t *packet = datagram + sizeof *geneve;
	struct key key;
	bool opens;

	if (size <= sizeof *geneve || geneve->version_and_words != 8 ||
	    geneve->protocol != htons(packet[0] >> 4 == 6 ? 0x86dd : 0x0800) ||
	    !read_key(packet, size - sizeof *geneve, geneve->endpoint, &key, &opens)) {
		count.drop_return_malformed++;
		return;
	}
	struct endpoint *endpoint = NULL;
	for (size_t i = 0; i < endpoint_count; i++)
		if (endpoints[i].id == geneve->endpoint)
			endpoint = &endpoints[i];
	if (!endpoint || !returns(ntohl(geneve->cookie), from, &key)) {
		count.drop_return_unknown++;
		return;
	}
	if (write(endpoint->tun, packet, size - sizeof *geneve) < 0)
		count.drop_send++;
	else
		count.returned++, endpoint->returned++;
}

