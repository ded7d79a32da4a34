# SPDX-License-Identifier: Apache-2.0
# The stand-in for GENEVE on kernels without its module: the same program for VXLAN-GPE, whose GRO is the same code in the kernel
# but for a comparison of 8 bytes instead of 40. Its header has as many bytes as GENEVE's, but no options, and the next protocol
# in the place of the lower byte of GENEVE's.
s/^#define GENEVE_VERSION(geneve) .*/#define GENEVE_VERSION(geneve) 0/
s/^#define GENEVE_OPTION_BYTES(geneve) .*/#define GENEVE_OPTION_BYTES(geneve) 0/
s/geneve->protocol == bpf_htons(ETH_P_IP)/geneve->protocol == bpf_htons(1)/
s/\*protocol = geneve->protocol;/*protocol = geneve->protocol == bpf_htons(1) ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);/
s/return read_usual_options(at, .*/(void)skb, (void)at; return CONTINUE;/
